"""Answers that were delivered are scored by their route's rules, streamed and not; and nobody waits for that."""

from types import SimpleNamespace

import pytest

from fairlead.config import load
from fairlead.config.learning import VerifierConfig
from fairlead.errors import ConfigError
from fairlead.gateway.setup import prepare
from fairlead.learning.aftermath import Aftermath, Study
from fairlead.learning.verifying import Verifying
from tests.gateway.conftest import ASK

RULES = """
[[routes.auto.verifiers]]
kind = "refusal"
[[routes.auto.verifiers]]
kind = "regex"
name = "never"
pattern = "\\\\A\\\\Z(?!)"
[[routes.auto.verifiers]]
kind = "numeric"
"""


async def looked_at(running, n):
    await running.until(lambda: running.gateway.aftermath.n_taken == n)
    await running.gateway.aftermath.idle()


@pytest.mark.parametrize("more", [{}, {"stream": True}])
async def test_an_answer_is_scored_by_the_rules_that_apply(start, more):
    running = await start(RULES)
    await running.post(json=ASK | more)
    await looked_at(running, 1)
    entry = running.entry()
    assert {row.source: row.score for row in entry.feedback} == {"verifier:refusal": 1.0, "verifier:never": 0.0}
    assert entry.score == 0.0  # it must pass them all


async def test_the_caller_may_name_the_right_answer(start):
    running = await start(RULES)
    first = await running.post(json=ASK)
    number = "".join(filter(str.isdigit, first.json["choices"][0]["message"]["content"])) or "0"
    await running.post(json=ASK | {"metadata": {"expected_answer": f"{number}17"}})
    await looked_at(running, 2)
    assert {row.source for row in running.entries()[0].feedback} == {"verifier:refusal", "verifier:never"}
    assert {row.source: row.score for row in running.entries()[1].feedback}["verifier:numeric"] == 0.0


async def test_what_nobody_routed_is_not_looked_at(start):
    running = await start(RULES)
    await running.post(json=ASK | {"model": "host/wren"})
    assert running.gateway.aftermath.n_taken == 0


async def test_a_gateway_that_learns_nothing_has_nothing_that_looks(running):
    await running.post()
    assert running.gateway.aftermath is None


async def test_what_does_not_fit_is_passed_over_and_counted():
    config = VerifierConfig(kind="refusal")
    aftermath = Aftermath({"auto": Study(verifying=Verifying.of([config]))}, None, None, None, max_waiting=2)
    for _ in range(5):
        aftermath.take(SimpleNamespace(route="auto:cost"))
    assert (aftermath.n_taken, aftermath.n_passed_over) == (2, 3)


@pytest.mark.parametrize(
    ("settings", "complaint"),
    [
        ('kind = "regex"', "`routes.auto.verifiers[0]` is a `regex`; expected `pattern`"),
        ('kind = "regex"\npattern = "("', "is no pattern"),
        ('kind = "refusal"\npattern = "x"', "`routes.auto.verifiers[0].pattern` says nothing of `refusal`"),
        ('kind = "unit_test"', "expected `command`"),
        ('kind = "unit_test"\ncommand = ["true"]\nfolder = "nowhere"\nisolation = "where_possible"', "is no folder"),
        ('kind = "json_schema"\nschema = "nowhere.json"', "cannot read the schema"),
        ('kind = "taste"', "verifiers"),
        ('kind = "refusal"\n[[routes.auto.verifiers]]\nkind = "refusal"', "Give it a `name`"),
    ],
)
def test_a_rule_that_cannot_be_is_refused_before_the_port_opens(tmp_path, settings, complaint):
    path = tmp_path / "fairlead.toml"
    path.write_text(f'[providers.sim]\ndialect = "simulated"\n[[routes.auto.verifiers]]\n{settings}\n')
    with pytest.raises(ConfigError) as refused:
        prepare(load(path, {}))
    assert complaint in str(refused.value)
