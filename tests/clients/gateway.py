"""A gateway in front of a simulated host that is asked in each dialect, as a process of its own.

It serves who has a virtual key; prints where it is, a key that opens it and one that was revoked.
"""

import asyncio
import json
import subprocess
import sys
from pathlib import Path

from fairlead.config import load
from fairlead.gateway.app import application
from fairlead.gateway.setup import opened, prepare
from fairlead.providers.simulated import World
from fairlead.providers.upstream import Upstream, serving

DIALECTS = {"openai": "v1", "responses": "v1", "anthropic": "v1", "gemini": "v1beta"}
TABLES = """
[providers.{dialect}-host]
dialect = "{dialect}"
base_url = "{address}/{version}"
[models."{dialect}-host/wren"]
price = {{ input_usd_per_mtok = 1, output_usd_per_mtok = 2 }}
capabilities = {{ context_tokens = 200000, max_output_tokens = 64000, tools = true, vision = true, json_schema = true }}
[routes.over-{dialect}]
candidates = ["{dialect}-host/wren"]
"""


def main(folder: Path) -> None:
    """Makes the keys, and serves until it is stopped."""
    ledger = folder / "fairlead.db"
    good, revoked = (keys(ledger, "create", name) for name in ("good", "revoked"))
    keys(ledger, "revoke", revoked["key"]["id"])
    asyncio.run(serve(folder, {"KEY": good["secret"], "REVOKED_KEY": revoked["secret"]}))


def keys(ledger: Path, *words: str) -> dict:
    """Returns what `fairlead keys` says."""
    command = [Path(sys.executable).with_name("fairlead"), "keys", *words, "--ledger", ledger, "--json"]
    return json.loads(subprocess.run(command, check=True, stdout=subprocess.PIPE).stdout)


async def serve(folder: Path, secrets: dict[str, str]) -> None:
    """Serves; the ledger that the configuration means lies beside it."""
    async with serving(Upstream(World(seed=1), time_scale=0, plays=True)) as address:
        tables = [TABLES.format(dialect=d, version=v, address=address) for d, v in DIALECTS.items()]
        path = folder / "fairlead.toml"
        path.write_text("".join(tables), encoding="utf-8")
        async with opened(prepare(load(path, {}))) as gateway, serving(application(gateway)) as url:
            routes = " ".join(f"over-{dialect}" for dialect in DIALECTS)
            print(json.dumps({"FAIRLEAD_URL": url, "HOST_URL": address, "ROUTES": routes, **secrets}), flush=True)
            await asyncio.Event().wait()


main(Path(sys.argv[1]))
