import uuid

from fairlead.ledger.ids import new_id


def fixed(ns, bits=0):
    return new_id("req", now_ns=lambda: ns, random_bits=lambda _: bits)


def test_an_id_is_a_version_7_uuid_of_the_given_moment():
    prefix, _, digits = fixed(1_645_557_742_000 * 1_000_000, bits=2**62 - 1).partition("_")
    value = uuid.UUID(digits)
    assert prefix == "req"
    assert (value.version, value.variant) == (7, uuid.RFC_4122)
    assert value.int >> 80 == 1_645_557_742_000  # the example of RFC 9562, appendix A.6


def test_ids_sort_by_time_within_a_millisecond_too():
    moments = [1_000_000_000_000_000_000 + step for step in (0, 250, 999_999, 1_000_000, 3_600_000_000_000)]
    ids = [fixed(ns, bits=2**62 - 1 - i) for i, ns in enumerate(moments)]  # the random part runs the other way
    assert ids == sorted(ids)
    assert len(set(ids)) == len(ids)


def test_ids_of_one_moment_differ():
    assert len({new_id("dec", now_ns=lambda: 5) for _ in range(1000)}) == 1000
