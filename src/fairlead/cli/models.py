"""`fairlead models`: the candidates with all that is known of them, each fact with who says so and when."""

from __future__ import annotations

import os
from datetime import UTC, datetime
from functools import partial
from typing import TYPE_CHECKING, Annotated

import msgspec
import typer

from fairlead.cli.check import ConfigOption, checked
from fairlead.cli.output import JsonOption, OutOption, Result, emit, table
from fairlead.errors import ConfigError
from fairlead.gateway.models import ModelList, ModelShown

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from rich.console import Console

    from fairlead.execution.hosts import Host
    from fairlead.gateway.knowledge import MeasuredShown
    from fairlead.gateway.setup import Setup

app = typer.Typer()

AllOption = Annotated[bool, typer.Option("--all", help="Every model of the providers that are known.")]
GatewayOption = Annotated[
    str | None,
    typer.Option(
        "--gateway", help="Address of a running gateway: its candidates, with what it measured of their hosts."
    ),
]
KeyOption = Annotated[
    str | None, typer.Option("--key-env", help="Variable that holds a key of that gateway, where it asks for one.")
]
TIMEOUT_S = 10.0


class ModelsResult(Result, kw_only=True, frozen=True):
    """What is known of each model; `null` is unknown, and excludes a model where the capability is needed."""

    schema: str = "fairlead.models/1"
    at: datetime
    models: tuple[ModelShown, ...]


@app.command()
def models(
    config: ConfigOption = None,
    everything: AllOption = False,
    gateway: GatewayOption = None,
    key_env: KeyOption = None,
    as_json: JsonOption = False,
    out: OutOption = None,
) -> None:
    """Prints every candidate with context, output limit, capabilities, price, measured latency, and who says so.

    Latencies are those of the calls that the ledger holds, `fairlead probe` among them; `--gateway` asks a running one.
    """
    shown = _asked(gateway, key_env) if gateway else _whole_catalogue() if everything else _configured(config)
    result = ModelsResult(at=datetime.now(UTC), models=tuple(shown))
    emit(result, partial(_show, result), as_json=as_json, out=out)


def _configured(config: Path | None) -> list[ModelShown]:
    from fairlead.gateway.knowledge import Knowledge  # noqa: PLC0415 - heavy, loaded when called
    from fairlead.gateway.models import shown_models  # noqa: PLC0415
    from fairlead.gateway.routes import Routes  # noqa: PLC0415

    setup = checked(config)
    routes = Routes(routers={}, candidates=setup.candidates, knowledge=Knowledge(setup.config))
    return list(shown_models(routes, _measured(setup)))


def _measured(setup: Setup) -> Mapping[str, Host]:
    """Returns the hosts by what a ledger in a file says of their pace; nothing where there is none yet."""
    from fairlead.gateway.recalling import recalled  # noqa: PLC0415 - heavy, loaded when called
    from fairlead.gateway.setup import limits_of  # noqa: PLC0415
    from fairlead.ledger.opening import glancing  # noqa: PLC0415

    if setup.config.ledger.url is not None:
        return {}
    with glancing(setup.config.ledger.path) as ledger:
        if ledger is None:
            return {}
        return recalled(ledger, setup.candidates, limits_of(setup.config.limits)).known()


def _whole_catalogue() -> list[ModelShown]:
    from fairlead.catalog.capabilities import as_capabilities, every_model  # noqa: PLC0415 - heavy, loaded when called
    from fairlead.catalog.facts import facts_by_name  # noqa: PLC0415
    from fairlead.catalog.quotes import whole_catalogue  # noqa: PLC0415
    from fairlead.catalog.snapshot import read_snapshot  # noqa: PLC0415
    from fairlead.gateway.models import known_model  # noqa: PLC0415
    from fairlead.types import Candidate  # noqa: PLC0415

    now = datetime.now(UTC)
    priced = whole_catalogue(read_snapshot(), now)
    shown = []
    for name in sorted({*every_model(), *priced}):
        quote, facts = priced.get(name), facts_by_name(name)
        tariff = None if quote is None else quote.tariff
        price = None if tariff is None else tariff.price_at(now)
        candidate = Candidate(
            name=name, provider=name.partition("/")[0], capabilities=as_capabilities(facts), price=price
        )
        shown.append(known_model(candidate, facts, quote, None, now))
    return shown


def _asked(gateway: str, key_env: str | None) -> list[ModelShown]:
    """Returns what a running gateway says of its candidates."""
    from urllib.request import Request, urlopen  # noqa: PLC0415 - heavy, loaded when called

    if not gateway.startswith(("http://", "https://")):
        raise ConfigError(f"`--gateway` is `{gateway}`; expected an address such as `http://127.0.0.1:8080`.")
    key = os.environ.get(key_env or "", "")
    headers = {"authorization": f"Bearer {key}"} if key else {}
    address = f"{gateway.rstrip('/')}/v1/models"
    try:
        with urlopen(Request(address, headers=headers), timeout=TIMEOUT_S) as reply:  # noqa: S310 - checked above
            listed = msgspec.json.decode(reply.read(), type=ModelList)
    except (OSError, msgspec.DecodeError) as error:
        raise OSError(f"`{address}` does not answer as a gateway ({error}). Start `fairlead serve`.") from None
    return [model for model in listed.data if model.owned_by != "fairlead"]


def _show(result: ModelsResult, console: Console) -> None:
    rows = table("model", "context", "output", *_HEADS.values(), "effort", "in", "out", "price", "measured")
    names = rows.columns[0]
    names.no_wrap, names.overflow = False, "fold"  # of long names, so that the figures beside them stay whole
    for model in result.models:
        rows.add_row(
            model.id,
            _count(model.context_length),
            _count(model.max_output_tokens),
            *(_MARKS[model.capabilities.get(ability)] for ability in _HEADS),
            " ".join(model.reasoning_efforts or ()),
            *_price(model),
            _pace(model.measured),
        )
    console.print(rows)
    console.print(
        f"USD per million tokens; measured: 95th percentiles, median tokens/s, UTC; {len(result.models)} models. "
        "`--json` says who tells each fact.",
    )


_HEADS = {
    "tools": "tools",
    "vision": "sees",
    "audio": "hears",
    "files": "reads",
    "json_schema": "schema",
    "reasoning": "thinks",
}
_MARKS = {True: "yes", False: "no", None: "?"}


def _pace(measured: MeasuredShown | None) -> str:
    """Returns what was measured, what it rests on, and as of when; of too few calls their number alone."""
    if measured is None:
        return ""
    figures = (
        ("first token {:.3g} s", measured.ttft_p95_s),
        ("answer {:.3g} s", measured.latency_p95_s),
        ("{:.3g} tokens/s", measured.tokens_per_s),
    )
    said = [words.format(value) for words, value in figures if value is not None]
    n = max(measured.n_streams, measured.n_answers)
    return ", ".join([*said, f"n={n}", f"{measured.at:%Y-%m-%d %H:%M}"])


def _count(tokens: int | None) -> str:
    return "" if tokens is None else f"{tokens:,}"


def _price(model: ModelShown) -> tuple[str, str, str]:
    price = model.price
    if price is None:
        return "", "", "unknown"
    return price.input_usd_per_mtok, price.output_usd_per_mtok, price.verdict.replace("_", " ")
