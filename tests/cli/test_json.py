"""What `--json` prints is what the published schemas describe: nothing else, nothing less."""

import asyncio
import json

import msgspec
import pytest

from docs import generate
from fairlead.cli.main import main
from fairlead.ledger.sqlite import SqliteLedger
from fairlead.testing import make_outcomes

CONFIGURATION = """
[providers.sim]
dialect = "simulated"
"""
COMMANDS = {
    "fit table --out other": "fairlead.fit/1",
    "evaluate table --seeds 1": "fairlead.evaluate/1",
    "evaluate table --router router": "fairlead.evaluate/1",
    "route Hello --router router": "fairlead.route/1",
    "route Hello --router router --model weak": "fairlead.route/1",
    "route --router router --batch table --out decisions.parquet": "fairlead.route.batch/1",
    "check --config fairlead.toml": "fairlead.check/1",
    "doctor --config fairlead.toml": "fairlead.doctor/1",
    "onboard fresh --router router --table table --n 3": "fairlead.onboard/1",
    "report": "fairlead.report/3",
    "explain dec_0001": "fairlead.explain/1",
    "ledger verify": "fairlead.ledger.verify/1",
    "ledger rebuild": "fairlead.ledger.rebuild/1",
    "ledger reconcile bill.csv --provider a --tolerance-usd 1": "fairlead.ledger.reconcile/1",
    "ledger export --out rows.jsonl": "fairlead.ledger.export/1",
    "feedback import scores.csv": "fairlead.feedback.import/1",
    "ledger certificates": "fairlead.ledger.certificates/1",
    "ledger erase --before 30d": "fairlead.ledger.erase/1",
    "feedback sources": "fairlead.feedback.sources/1",
    "promote --back --config routed.toml --dry-run": "fairlead.promote/1",
    "import-litellm config.yaml": "fairlead.import.litellm/1",
    "models --config fairlead.toml": "fairlead.models/1",
    "probe --config fairlead.toml --calls 1": "fairlead.probe/1",
    "prices show deepseek/deepseek-v4-pro": "fairlead.prices.show/1",
    "prices diff openai/gpt-4o": "fairlead.prices.diff/1",
    "prices verify openai/gpt-4o": "fairlead.prices.verify/1",
    "prices import litellm.json --out prices.json": "fairlead.prices.import/1",
    "keys create build --budget 5/month": "fairlead.keys.create/1",
    "keys list": "fairlead.keys.list/1",
    "keys held": "fairlead.keys.held/1",
    "keys revoke KEY": "fairlead.keys.revoke/1",
}
LITELLM = """{"x": {"litellm_provider": "openai", "mode": "chat", "input_cost_per_token": 1e-6,
"output_cost_per_token": 2e-6}}"""


@pytest.fixture(scope="module")
def folder(tmp_path_factory, records):
    path = tmp_path_factory.mktemp("json")
    make_outcomes(60, seed=1).write(path / "table")
    (path / "fairlead.toml").write_text(CONFIGURATION)
    (path / "routed.toml").write_text(CONFIGURATION + '[routes.auto]\nrouter = "routers/auto/current"\n')
    (path / "scores.csv").write_text("decision_id,score\ndec_0001,1\n")
    (path / "litellm.json").write_text(LITELLM)
    (path / "config.yaml").write_text("model_list: [{model_name: x, litellm_params: {model: gpt-4o, rpm: 1}}]")
    (path / "bill.csv").write_text("day,model,cost\n2026-11-01,cheap-2026,0.0005\n")
    with pytest.raises(SystemExit):
        main(["fit", str(path / "table"), "--out", str(path / "router")])
    asyncio.run(fill(path / "fairlead.db", records))
    return path


async def fill(path, records):
    ledger = SqliteLedger.open(path)
    await ledger.register([records.price])
    for n in range(1, 4):
        await ledger.intent(records.intent(n))
    await ledger.settle(records.settlement(1))
    await ledger.close()


@pytest.fixture
def printed(folder, monkeypatch, capsys):
    monkeypatch.chdir(folder)

    def printed(command):
        with pytest.raises(SystemExit) as stopped:
            main([*command.split(), "--json"])
        assert stopped.value.code == 0
        return json.loads(capsys.readouterr().out)

    return printed


def assert_described(document, schema):
    """Holds a document to the struct that its published schema is made from, to the last field."""
    struct = generate.documents()[schema]
    again = msgspec.json.encode(msgspec.json.decode(json.dumps(document), type=struct))
    assert json.loads(again) == document


@pytest.mark.parametrize(("command", "schema"), COMMANDS.items())
def test_a_document_is_what_its_schema_describes(printed, command, schema):
    made = printed("keys create other")["key"]["id"] if "KEY" in command else ""
    document = printed(command.replace("KEY", made))
    assert document["schema"] == schema
    assert_described(document, schema)


def test_an_exported_row_is_what_its_schema_describes(printed, folder):
    schema = printed("ledger export --out rows.jsonl")["rows_schema"]
    for line in (folder / "rows.jsonl").read_text().splitlines():
        assert_described(json.loads(line), schema)


def test_every_command_is_held_to_its_schema():
    played = {
        "fairlead.demo/1",
        "fairlead.benchmark/1",
        "fairlead.replay/2",
        "fairlead.replay.exact/1",
    }  # too long for here: their own tests read them
    assert set(generate.documents()) == {*COMMANDS.values(), *played, "fairlead.ledger.entry/1"}
