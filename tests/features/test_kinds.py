"""Words of plain text are taken apart by a quicker way than those of any other; both find the same."""

from hypothesis import given
from hypothesis import strategies as st

from fairlead.features.kinds import _SPLIT, _SUM, _may_have_digits, _words


@given(st.one_of(st.text(), st.text(st.characters(max_codepoint=127))))
def test_the_quick_way_finds_the_words_that_the_other_one_finds(text):
    assert _words(text) == _SPLIT.findall(text)


@given(st.text(st.sampled_from("1٣ +*=x.")))
def test_no_sum_is_overlooked(text):
    assert _may_have_digits(text) or not _SUM.search(text)
