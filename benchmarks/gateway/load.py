"""The mock provider, the driver, and the bodies that it sends."""

from __future__ import annotations

import subprocess
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import msgspec
import numpy as np
from process import pinned

if TYPE_CHECKING:
    from collections.abc import Iterator

    from process import Running

HERE = Path(__file__).parent
UPSTREAM = 9801
CHARS_PER_TOKEN = 4.5
"""Of the made-up words, whose syllables a tokenizer splits as it does rare words."""


class Answers(msgspec.Struct, frozen=True):
    """What the driver saw; times are milliseconds."""

    n: int
    failed: int
    seconds: float
    per_s: float
    p50_ms: float
    p99_ms: float
    ttft_p50_ms: float
    ttft_p99_ms: float
    why: str
    """What was wrong with the first failed answer."""


@dataclass(frozen=True, kw_only=True)
class Scenario:
    """One kind of load."""

    name: str
    n_tokens: int
    stream: bool
    n_connections: int
    slowly: bool = False
    """The mock sends its events a tenth of a second apart."""


JSON = Scenario(name="json", n_tokens=200, stream=False, n_connections=64)
STREAM = Scenario(name="stream", n_tokens=200, stream=True, n_connections=64)
LONG = Scenario(name="long", n_tokens=20_000, stream=False, n_connections=64)
LATENCY = Scenario(name="latency", n_tokens=200, stream=False, n_connections=1)
TTFT = Scenario(name="ttft", n_tokens=200, stream=True, n_connections=1)
SLOW = Scenario(name="slow", n_tokens=200, stream=True, n_connections=500, slowly=True)
SCENARIOS = (JSON, STREAM, LONG, LATENCY, TTFT)


class Load:
    """Compiles the two programs and asks.

    Args:
        work: folder for what they read.
        core: that both run on.
    """

    def __init__(self, work: Path, core: int) -> None:
        self._work = work
        self._core = core
        for name in ("mock", "driver"):
            subprocess.run(["cc", "-O2", "-o", str(work / name), str(HERE / f"{name}.c")], check=True)

    @contextmanager
    def mock(self) -> Iterator[None]:
        """Runs the provider."""
        with pinned((str(self._work / "mock"), str(UPSTREAM), "100"), self._core):
            yield

    def ask(self, gateway: Running | None, scenario: Scenario, *, seconds: float = 0, n: int = 0) -> Answers:
        """Returns what came of asking for some time, or so many times; without a gateway the mock itself."""
        command = self.command(gateway, scenario, seconds=seconds, n=n)
        done = subprocess.run(command, capture_output=True, check=True, timeout=600)
        return msgspec.json.decode(done.stdout, type=Answers)

    def command(self, gateway: Running | None, scenario: Scenario, *, seconds: float = 0, n: int = 0) -> list[str]:
        """Returns the command line of the driver."""
        model = "mock" if gateway is None else gateway.peer.model
        port, path = (UPSTREAM, "/v1/chat/completions") if gateway is None else (gateway.port, gateway.path)
        head = self._work / f"head-{port}"
        headers = {"content-type": "application/json", **({} if gateway is None else gateway.peer.headers)}
        head.write_text("".join(f"{name}: {value}\r\n" for name, value in headers.items()))
        arguments = (port, path, head, self._bodies(scenario, model), scenario.n_connections, seconds, n)
        return ["taskset", "-c", str(self._core), str(self._work / "driver"), *map(str, arguments)]

    def _bodies(self, scenario: Scenario, model: str) -> Path:
        """Returns a file of request bodies, all different, each after its size."""
        path = self._work / f"bodies-{scenario.name}-{model.replace(':', '-')}"
        if not path.exists():
            n_prompts = 256 if scenario.n_tokens < 1000 else 32
            texts = prompts(n_prompts, int(scenario.n_tokens * CHARS_PER_TOKEN), seed=1)
            path.write_bytes(b"".join(_sized(_body(text, scenario, model)) for text in texts))
        return path


def prompts(n: int, n_chars: int, *, seed: int) -> list[str]:
    """Returns `n` different prompts of made-up words that follow Zipf's law."""
    rng = np.random.default_rng(seed)
    syllables = [a + b for a in "bcdfghklmnprstvw" for b in ("a", "e", "i", "o", "u", "an", "er", "ing", "st")]
    words = np.array(["".join(rng.choice(syllables, 1 + i % 3)) for i in range(20_000)])
    frequency = 1 / np.arange(3, len(words) + 3)
    chosen = rng.choice(len(words), (n, n_chars // 3), p=frequency / frequency.sum())
    return [" ".join(words[row])[:n_chars] for row in chosen]


def _body(text: str, scenario: Scenario, model: str) -> bytes:
    messages = [{"role": "user", "content": f"{text} slowly" if scenario.slowly else text}]
    streamed = {"stream": True, "stream_options": {"include_usage": True}} if scenario.stream else {}
    return msgspec.json.encode({"model": model, "messages": messages, **streamed})


def _sized(body: bytes) -> bytes:
    return b"%d\n%b" % (len(body), body)
