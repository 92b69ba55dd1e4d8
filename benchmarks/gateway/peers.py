"""Who is measured: how each gateway is installed, started and asked.

Peers live in environments of their own under `benchmarks/gateway/.peers`, which git ignores; they are no dependencies.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

import msgspec

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

HERE = Path(__file__).parent
PEERS = Path(os.environ.get("FAIRLEAD_PEERS", HERE / ".peers"))
MODELS = ("strong", *(f"model-{j}" for j in range(1, 8)))
"""Our gateway's candidates: eight."""
PORTKEY = {"@portkey-ai/gateway": "1.15.2"}
PINNED = {"@hono/node-server": "1.13.8"}
"""As npm resolves it, every stream of Portkey's answers 500; with this it works."""


@dataclass(frozen=True, kw_only=True)
class Peer:
    """One gateway in front of the mock."""

    name: str
    version: str
    command: tuple[str, ...]
    port: int
    """0: it names its address on its first line of output."""
    path: str = "/v1/chat/completions"
    ready: str = "/v1/models"
    """What answers once it serves; any status will do."""
    model: str = "auto"
    headers: Mapping[str, str] = field(default_factory=dict)
    environment: Mapping[str, str] = field(default_factory=dict)
    slow: bool = False
    """Few requests a second: it is given longer runs."""


def available(work: Path, upstream: int) -> tuple[list[Peer], dict[str, str]]:
    """Returns the gateways in the order of a round, and why others are missing.

    Args:
        work: folder for configurations and ledgers.
        upstream: port of the mock.
    """
    makers: Mapping[str, Callable[[], Peer]] = {
        "nginx": partial(nginx, work, upstream),
        "pass-through": partial(pass_through, upstream),
        "Fairlead": partial(fairlead, work, upstream),
        "TensorZero": partial(tensorzero, work, upstream),
        "Portkey": partial(portkey, work, upstream),
        "LiteLLM": partial(litellm, work, upstream),
    }
    found, missing = [], {}
    for name, make in makers.items():
        try:
            found.append(make())
        except (subprocess.CalledProcessError, FileNotFoundError) as error:
            missing[name] = f"{type(error).__name__}: {error}"
    return found, missing


def fairlead(work: Path, upstream: int, port: int = 9803) -> Peer:
    """Returns our own gateway: a key with a budget, a fitted router over eight candidates, a durable ledger."""
    from fairlead import __version__, fit  # noqa: PLC0415 - the other peers need none of it
    from fairlead.artifact import save  # noqa: PLC0415
    from fairlead.testing import make_outcomes  # noqa: PLC0415

    if not (work / "router").exists():
        save(fit(make_outcomes(1000, MODELS, seed=0), seed=0), work / "router")
    models = "".join(
        f'[models."host/{name}"]\n'
        f'price = {{ input_usd_per_mtok = "{4 / 2**j}", output_usd_per_mtok = "{16 / 2**j}" }}\n'
        "capabilities = { context_tokens = 200000, max_output_tokens = 16000, reasoning = false }\n"
        for j, name in enumerate(MODELS)
    )
    (work / "fairlead.toml").write_text(
        f"schema_version = 1\n[server]\nport = {port}\n"
        f'[providers.host]\nbase_url = "http://127.0.0.1:{upstream}/v1"\napi_key_env = "MOCK_KEY"\n'
        f'{models}[routes.auto]\nrouter = "router"\nreference = "host/strong"\n'
    )
    program = str(Path(sys.executable).with_name("fairlead"))
    return Peer(
        name="Fairlead",
        version=__version__,
        command=(program, "serve", "--config", str(work / "fairlead.toml")),
        port=port,
        ready="/health/ready",
        headers={"authorization": f"Bearer {_key(work, program)}"},
    )


def fresh_ledger(work: Path) -> None:
    """Puts a ledger in place that holds the key, and nothing else."""
    for path in work.glob("fairlead.db*"):
        path.unlink()
    shutil.copy(work / "keyed.db", work / "fairlead.db")


def _key(work: Path, program: str) -> str:
    words = ("keys", "create", "bench", "--budget", "1000000/month", "--ledger", str(work / "keyed.db"), "--json")
    made = subprocess.run([program, *words], capture_output=True, check=True)
    fresh_ledger(work)
    key: str = msgspec.json.decode(made.stdout)["secret"]
    return key


def pass_through(upstream: int, port: int = 9802) -> Peer:
    """Returns the bare pass-through that the bars are ratios of."""
    import aiohttp  # noqa: PLC0415
    import uvicorn  # noqa: PLC0415

    url = f"http://127.0.0.1:{upstream}/v1/chat/completions"
    command = (sys.executable, str(HERE / "passthrough.py"), str(port), url)
    version = f"uvicorn {uvicorn.__version__}, aiohttp {aiohttp.__version__}"
    return Peer(name="pass-through", version=version, command=command, port=port)


def nginx(work: Path, upstream: int, port: int = 9804) -> Peer:
    """Returns nginx as a plain proxy with kept-alive connections on both sides."""
    if shutil.which("nginx") is None:
        subprocess.run(["apt-get", "install", "-y", "-qq", "nginx-light"], check=True, capture_output=True)
    (work / "nginx.conf").write_text(
        f"daemon off; worker_processes 1; pid {work}/nginx.pid; error_log stderr crit;\n"
        "events { worker_connections 4096; }\n"
        "http { access_log off; keepalive_requests 1000000000; client_max_body_size 64m; client_body_buffer_size 1m;\n"
        f"  client_body_temp_path {work}/body; proxy_temp_path {work}/proxy;\n"
        f"  upstream mock {{ server 127.0.0.1:{upstream}; keepalive 256; keepalive_requests 1000000000; }}\n"
        f"  server {{ listen 127.0.0.1:{port}; location / {{ proxy_pass http://mock; proxy_http_version 1.1;\n"
        '    proxy_set_header Connection ""; proxy_buffering off; } } }\n'
    )
    said = subprocess.run(["nginx", "-v"], capture_output=True, text=True, check=True).stderr
    version = said.strip().rpartition("/")[2]
    return Peer(name="nginx", version=version, command=("nginx", "-c", str(work / "nginx.conf")), port=port)


def litellm(work: Path, upstream: int, port: int = 9805) -> Peer:
    """Returns LiteLLM's proxy: two deployments, prices given, a master key, no database."""
    python = _environment("litellm", "litellm[proxy]")
    target = (
        f'litellm_params: {{model: openai/mock, api_base: "http://127.0.0.1:{upstream}/v1", api_key: k, '
        "input_cost_per_token: 0.000001, output_cost_per_token: 0.000004}\n"
    )
    (work / "litellm.yaml").write_text(
        "model_list:\n" + f"  - model_name: auto\n    {target}" * 2 + "general_settings: {master_key: sk-bench}\n"
        "litellm_settings: {telemetry: false}\n"
    )
    command = (f"{python.parent}/litellm", "--config", str(work / "litellm.yaml"), "--port", str(port))
    return Peer(
        name="LiteLLM",
        version=_version(python, "litellm"),
        command=(*command, "--num_workers", "1"),
        port=port,
        ready="/health/liveliness",
        headers={"authorization": "Bearer sk-bench"},
        slow=True,
    )


def tensorzero(work: Path, upstream: int) -> Peer:
    """Returns TensorZero: its gateway is in the wheel, as a server without a command; observability off."""
    python = _environment("tensorzero", "tensorzero")
    target = f'type = "openai"\nmodel_name = "mock"\napi_base = "http://127.0.0.1:{upstream}/v1/"\n'
    (work / "tensorzero.toml").write_text(
        '[gateway]\nobservability.enabled = false\n[models.mock]\nrouting = ["a", "b"]\n'
        + "".join(f'[models.mock.providers.{x}]\n{target}api_key_location = "env::MOCK_KEY"\n' for x in "ab")
    )
    return Peer(
        name="TensorZero",
        version=_version(python, "tensorzero"),
        command=(str(python), str(HERE / "tensorzero_server.py"), str(work / "tensorzero.toml")),
        port=0,
        path="/openai/v1/chat/completions",
        ready="/status",
        model="tensorzero::model_name::mock",
    )


def portkey(_work: Path, upstream: int, port: int = 9806) -> Peer:
    """Returns Portkey's gateway: two targets, balanced."""
    folder = PEERS / "portkey"
    package = folder / "node_modules/@portkey-ai/gateway"
    if not package.exists():
        folder.mkdir(parents=True, exist_ok=True)
        wanted = {"private": True, "dependencies": PORTKEY, "overrides": PINNED}
        (folder / "package.json").write_bytes(msgspec.json.encode(wanted))
        subprocess.run(["npm", "install", "--no-audit", "--no-fund"], cwd=folder, check=True, capture_output=True)
    target = {"provider": "openai", "api_key": "k", "custom_host": f"http://127.0.0.1:{upstream}/v1"}
    config = {"strategy": {"mode": "loadbalance"}, "targets": [target, target]}
    version = msgspec.json.decode((package / "package.json").read_bytes())["version"]
    return Peer(
        name="Portkey",
        version=version,
        command=("node", str(package / "build/start-server.js"), f"--port={port}", "--headless"),
        port=port,
        ready="/",
        headers={"x-portkey-config": msgspec.json.encode(config).decode()},
    )


def _environment(name: str, package: str) -> Path:
    """Returns the Python of a virtual environment with `package`, made where it is missing."""
    python = PEERS / name / "bin/python"
    if not (PEERS / name / ".installed").exists():
        subprocess.run([sys.executable, "-m", "venv", str(PEERS / name)], check=True)
        subprocess.run([str(python), "-m", "pip", "install", "--quiet", package], check=True, capture_output=True)
        (PEERS / name / ".installed").touch()
    return python


def _version(python: Path, package: str) -> str:
    code = f"import importlib.metadata as m; print(m.version('{package}'))"
    return subprocess.run([str(python), "-c", code], capture_output=True, text=True, check=True).stdout.strip()
