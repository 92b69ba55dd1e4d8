"""One struct a TOML table. The text under a field is its documentation: meaning, unit, default, range."""

from __future__ import annotations

import hashlib
from datetime import date  # noqa: TC003 - msgspec reads the annotations
from decimal import Decimal
from pathlib import Path
from typing import Annotated, Literal, Self

import msgspec
from msgspec import Meta
from msgspec.structs import replace

from fairlead.config.base import Seconds, Table, Text
from fairlead.config.flavours import FLAVOURS, Flavour, FlavourName
from fairlead.config.learning import JudgeConfig, ShadowConfig, VerifierConfig  # noqa: TC001 - as above
from fairlead.config.references import given, shown

Tokens = Annotated[int, Meta(ge=1, le=100_000_000)]
Address = Annotated[str, Meta(pattern=r"^https?://[^/]", description="an address that starts with http:// or https://")]
Factor = Annotated[Decimal, Meta(description="a factor from 0 to 100")]
Hours = Annotated[
    str,
    Meta(
        pattern=r"^([01]\d|2[0-3]):[0-5]\d-([01]\d|2[0-4]):[0-5]\d$",
        description="hours of the day such as `01:00-04:00`",
    ),
]


class ServerConfig(Table, frozen=True, kw_only=True):
    """`[server]`: where the gateway listens and how much it takes on."""

    host: Text = "127.0.0.1"
    """Address to listen on. Default 127.0.0.1, this machine only."""
    port: Annotated[int, Meta(ge=0, le=65535)] = 8080
    """TCP port; 0 picks a free one. Default 8080, 0 to 65535."""
    max_body_bytes: Annotated[int, Meta(ge=1024, le=1_073_741_824)] = 33_554_432
    """Largest request body, bytes; a larger one is answered 413. Default 32 MiB, 1 KiB to 1 GiB."""
    max_in_flight: Annotated[int, Meta(ge=1, le=100_000)] = 1024
    """Requests served at the same time; one more is answered 429. Default 1024, 1 to 100000."""
    client: Literal["lean", "aiohttp"] = "lean"
    """What carries calls to providers: our own client, at a fraction of the CPU, or aiohttp's. Default `lean`."""
    admin_key_env: Text | None = None
    """Name of the environment variable that holds the admin key: it opens everything, and alone the paths that show how
    the gateway is doing. Default none: where no virtual key was made either, only this machine is served."""
    key_refresh_s: Seconds = 5.0
    """After how long a virtual key that was revoked opens nothing any more, seconds. Default 5, up to 3600."""
    drain_s: Seconds = 30.0
    """How long a stopping gateway waits for requests in flight, seconds. Default 30, up to 3600."""
    reload_poll_s: Annotated[float, Meta(ge=0, le=3600)] = 5.0
    """How often it is looked whether the configuration, a router or the second source of prices changed, seconds; 0 is
    never, and then only SIGHUP reads them anew. Default 5, 0 to 3600."""


class LimitsConfig(Table, frozen=True, kw_only=True):
    """`[limits]`: how long a request may wait, and how often it may try."""

    connect_s: Seconds = 5.0
    """Longest wait for a connection to a provider, seconds. Default 5, up to 3600."""
    ttft_s: Seconds = 10.0
    """Wait for the first content of a stream before the next model is asked, seconds; three times the 99th percentile
    of what was measured where that is longer. Default 10, up to 3600."""
    patient_ttft_s: Seconds = 120.0
    """The same of a model that thinks first (`capabilities.reasoning`), or may, and of the last one left to ask,
    seconds. Default 120, up to 3600."""
    hedge_s: Seconds = 10.0
    """Wait for an answer that is not streamed before a second model is asked beside the first, seconds; the 95th
    percentile of what was measured or predicted where that is longer. Default 10, up to 3600."""
    hedge_ttft_s: Seconds = 0.5
    """Wait for the first content of a stream before a second model is asked beside the first, seconds; the 95th
    percentile of what was measured where that is longer. Never where fewer than 20 streams were. Default 0.5, up to
    3600."""
    idle_s: Seconds = 30.0
    """Longest silence within a stream, and wait for the whole body of a request, seconds. Default 30, up to 3600."""
    answer_s: Seconds = 300.0
    """Longest wait for an answer that is not streamed, seconds. Default 300, up to 3600."""
    total_s: Seconds = 600.0
    """Deadline of a request, all attempts together, seconds. Default 600, up to 3600."""
    max_attempts: Annotated[int, Meta(ge=1, le=20)] = 4
    """Calls that one request may cause. Default 4, 1 to 20."""
    retries: Annotated[int, Meta(ge=0, le=10)] = 1
    """Further calls of the same candidate after a failure worth retrying. Default 1, 0 to 10."""
    breaker_failures: Annotated[int, Meta(ge=0, le=1000)] = 5
    """Failures in a row after which a host is left alone for 5 s, then tried by one request, up to every 20 s; 0 never
    leaves it alone. Default 5, 0 to 1000."""
    continuations: Annotated[int, Meta(ge=0, le=10)] = 2
    """How often a stream that broke off in the middle is continued, by a model that is known to go on from a beginning
    (`capabilities.prefill`); each is a further call, within `max_attempts` and `retries`. 0 is never: the stream ends
    with an error. Default 2, 0 to 10."""
    retry_share: Annotated[float, Meta(ge=0, le=1)] = 0.2
    """Retries, as a share of the requests; 20 may be saved up, and 0 is none. Default 0.2, 0 to 1."""
    hedge_share: Annotated[float, Meta(ge=0, le=1)] = 0.05
    """Second calls beside a slow one, as a share of the requests; 20 may be saved up, and 0 is none. Default 0.05,
    0 to 1."""
    hedge_usd_per_hour: Annotated[float, Meta(ge=0, le=10_000)] = 1.0
    """What such second calls may be expected to cost in an hour, USD; models without a price count nothing here.
    Default 1, 0 to 10000."""


class LedgerConfig(Table, frozen=True, kw_only=True):
    """`[ledger]`: where it is kept what happened."""

    path: Path = msgspec.field(default_factory=lambda: Path("fairlead.db"))
    """The SQLite file; a relative path starts at the config file. Default `fairlead.db` in the working folder. The
    secret that sessions are drawn with lies beside it (`fairlead.db.secret`), also where there is a `url`."""
    url: Text | None = None
    """A PostgreSQL database in place of the file, `postgresql://user@host:port/database`; needs `fairlead[postgres]`.
    The password never stands here: it comes from `PGPASSWORD` or `~/.pgpass`. Default none."""
    durability: Literal["process", "power"] = "process"
    """What a committed row survives: the death of the `process`, or of the machine (`power`); a database waits for its
    disk with `power`, whatever its own setting. Default `process`."""

    on_failure: Literal["refuse", "spool"] = "refuse"
    """While the database is gone, locked or full: `refuse` requests, or serve them and `spool` the rows into a file
    beside `path` (`fairlead.db.spool`), from which they are replayed in order. Default `refuse`."""
    spool_mb: Annotated[int, Meta(ge=1, le=100_000)] = 256
    """How large the spool may grow, megabytes; then requests are refused. Default 256."""
    retention_days: Annotated[int, Meta(ge=1, le=36_500)] | None = None
    """How long features and prompts are kept that a route stores, days; older ones are erased every hour, and the
    chain still holds. Default: until `fairlead ledger erase`."""

    estimate_usage: bool = False
    """Whether tokens that a provider did not report are counted here, with the tokenizer `o200k_base`, and marked as
    estimated: of whole answers, and of those that broke off as far as they came. Media, and thoughts that a model keeps
    to itself, cannot be counted; under a budget what broke off stays unknown and reserved. Needs `fairlead[tokenizer]`,
    60 MB and most of a second at start. Default `false`: unknown stays unknown."""

    @property
    def place(self) -> str:
        """Where the ledger is: the address of the database, else the path of the file."""
        return self.url or str(self.path)


class ObservabilityConfig(Table, frozen=True, kw_only=True):
    """`[observability]`: what the gateway tells of itself beside `/metrics`."""

    log_level: Literal["info", "warning", "error"] = "warning"
    """What is logged, as lines of JSON on standard error: `info` has one for each request. Default `warning`."""
    traces: bool = False
    """Whether each request becomes an OpenTelemetry trace; needs `fairlead[otel]`, and a process that is set up to send
    them, such as `opentelemetry-instrument fairlead serve`. Default `false`."""


class PricesConfig(Table, frozen=True, kw_only=True):
    """`[prices]`: who is asked what models cost, beside the first source, genai-prices."""

    second_source: Path | None = None
    """A snapshot that `fairlead prices import` made; a relative path starts at the config file. Where both sources
    agree a price is verified, where they differ the dearer one guards budgets. Default: the one that ships inside."""


class HostedProvider(Table, frozen=True, kw_only=True):
    """`[providers.NAME]` with dialect `openai`, `responses`, `anthropic` or `gemini`: models behind an HTTP address."""

    dialect: Literal["openai", "responses", "anthropic", "gemini"] = "openai"
    """The wire format the host speaks; `openai` is chat completions. Default `openai`; a known provider has its own."""
    flavour: FlavourName | None = None
    """Of dialect `openai`: what the host does differently. Default: as the provider's name says, else nothing."""
    responses: bool | None = None
    """Of dialect `openai`: whether the host answers `/responses`, too. Default: as its flavour says, else not."""
    api_version: Text | None = None
    """Azure's version of the API, such as `2024-10-21`: each model then has an address of its own. Default none."""
    base_url: Address
    """Where the API starts, such as `http://127.0.0.1:8000/v1`, without user and password. Required unless we know the
    provider."""
    api_key_env: Text | None = None
    """Name of the environment variable that holds the key. Default none; a provider that we know brings its own."""
    api_key: Text | None = None
    """The same by reference, `${OPENAI_API_KEY}`; in place of `api_key_env`. Never the key itself. Default none."""

    @property
    def own_ways(self) -> Flavour:
        """What the host does differently from OpenAI."""
        return Flavour() if self.flavour is None else FLAVOURS[self.flavour]

    @property
    def dialects(self) -> tuple[Literal["openai", "responses", "anthropic", "gemini", "embeddings"], ...]:
        """All that the host speaks, its own dialect first."""
        if self.dialect != "openai":
            return (self.dialect,)
        responses = self.own_ways.responses if self.responses is None else self.responses
        embeddings = self.own_ways.embeddings
        return ("openai", *(("responses",) if responses else ()), *(("embeddings",) if embeddings else ()))


class SimulatedProvider(Table, frozen=True, kw_only=True):
    """`[providers.NAME]` with dialect `simulated`: deterministic models inside this process, for trying out."""

    dialect: Literal["simulated"]
    """Always `simulated`."""
    seed: Annotated[int, Meta(ge=0, le=2**63 - 1)] = 0
    """Seed of the simulated world. Default 0."""
    pool: Literal["saving", "losing"] = "saving"
    """Its models: `losing` are such that routing cannot save anything. Default `saving`."""
    time_scale: Annotated[float, Meta(ge=0, le=100)] = 1.0
    """Seconds waited for each simulated second; 0 answers at once. Default 1, 0 to 100."""


class RecordedProvider(Table, frozen=True, kw_only=True):
    """`[providers.NAME]` with dialect `recorded`: an outcome table, served as if it were its models."""

    dialect: Literal["recorded"]
    """Always `recorded`."""
    table: Path
    """Folder of the outcome table; a relative path starts at the config file. Required."""


ProviderConfig = HostedProvider | SimulatedProvider | RecordedProvider


class PriceTierConfig(Table, frozen=True, kw_only=True):
    """A tier of a `price`: what all tokens of a call cost whose input is longer than so many tokens."""

    above_input_tokens: Tokens
    """Total input of the call, tokens. Required."""
    input_usd_per_mtok: Decimal
    """USD per million tokens of input. Required."""
    output_usd_per_mtok: Decimal
    """USD per million tokens of output. Required."""
    cache_read_usd_per_mtok: Decimal | None = None
    """USD per million tokens read from the cache. Default: as the factor says, else as without the tier."""
    cache_write_usd_per_mtok: Decimal | None = None
    """USD per million tokens written to the cache. Default: as the factor says, else as without the tier."""


class PriceTermConfig(Table, frozen=True, kw_only=True):
    """A term of a `price`: it takes the place of the price above it while it holds."""

    starts: date | None = None
    """First day, UTC, such as `2026-12-01`. Default: since ever."""
    days: tuple[Literal["mon", "tue", "wed", "thu", "fri", "sat", "sun"], ...] = ()
    """Days of the week, UTC, on which its hours begin. Default: all."""
    hours: Hours | None = None
    """Hours of the day, UTC, such as `01:00-04:00`; `22:00-06:00` ends on the next day. Default: the whole day."""
    factor: Factor | None = None
    """Every rate of the price above, times this: 2 where peak hours cost double. Default: none, 0 to 100."""
    input_usd_per_mtok: Decimal | None = None
    """In place of the same rate above; so are the next ones. Default: as above."""
    output_usd_per_mtok: Decimal | None = None
    """See `input_usd_per_mtok`. Default: as above."""
    cache_read_usd_per_mtok: Decimal | None = None
    """See `input_usd_per_mtok`. Default: as above."""
    cache_write_usd_per_mtok: Decimal | None = None
    """See `input_usd_per_mtok`. Default: as above."""
    cache_write_1h_usd_per_mtok: Decimal | None = None
    """See `input_usd_per_mtok`. Default: as above."""


class PriceConfig(Table, frozen=True, kw_only=True):
    """`price` of a model: overrides the catalogue. USD per million tokens, at least 0."""

    input_usd_per_mtok: Decimal
    """Input tokens that no cache served. Required."""
    output_usd_per_mtok: Decimal
    """Output tokens, reasoning included. Required."""
    cache_read_usd_per_mtok: Decimal | None = None
    """Input tokens read from the provider's prompt cache. Default: as input."""
    cache_write_usd_per_mtok: Decimal | None = None
    """Input tokens written to the provider's prompt cache, for five minutes or a time not told. Default: as input."""
    cache_write_1h_usd_per_mtok: Decimal | None = None
    """Input tokens written to it for an hour. Default: not known where writing has a price, else as input."""
    input_audio_usd_per_mtok: Decimal | None = None
    """Input tokens of sound. Default: as input."""
    cache_read_audio_usd_per_mtok: Decimal | None = None
    """Input tokens of sound read from the cache. Default: not known where sound has a price, else as `cache_read`."""
    output_audio_usd_per_mtok: Decimal | None = None
    """Output tokens of sound. Default: as output."""
    input_image_usd_per_mtok: Decimal | None = None
    """Input tokens of pictures. Default: as input."""
    output_image_usd_per_mtok: Decimal | None = None
    """Output tokens of pictures. Default: as output."""
    web_search_usd_per_thousand: Decimal | None = None
    """A thousand searches of the web by the provider itself. Default: not known."""
    file_search_usd_per_thousand: Decimal | None = None
    """A thousand searches of stored files by the provider itself. Default: not known."""
    request_usd_per_thousand: Decimal | None = None
    """A thousand calls. Default: nothing."""
    cache_read_factor: Factor | None = None
    """The same as `cache_read_usd_per_mtok`, as a multiple of input, such as 0.1. Default: none, 0 to 100."""
    cache_write_factor: Factor | None = None
    """The same as `cache_write_usd_per_mtok`, as a multiple of input. Default: none, 0 to 100."""
    cache_write_1h_factor: Factor | None = None
    """The same as `cache_write_1h_usd_per_mtok`, as a multiple of input. Default: none, 0 to 100."""
    tiers: tuple[PriceTierConfig, ...] = ()
    """Other rates where the input is long, the shortest first. Default: none."""
    terms: tuple[PriceTermConfig, ...] = ()
    """Other rates from a day on, or at some hours; of those that hold the last one counts. Default: none."""


class CapabilitiesConfig(Table, frozen=True, kw_only=True):
    """`capabilities` of a model: each one given here overrides the catalogue."""

    context_tokens: Tokens | None = None
    """Tokens of input and output together, at most. Default: the catalogue's."""
    max_output_tokens: Tokens | None = None
    """Tokens of one answer, at most. Default: the catalogue's."""
    tools: bool | None = None
    """Whether it calls tools. Default: the catalogue's."""
    vision: bool | None = None
    """Whether it reads images. Default: the catalogue's."""
    audio: bool | None = None
    """Whether it hears. Default: the catalogue's."""
    files: bool | None = None
    """Whether it reads documents. Default: the catalogue's."""
    json_schema: bool | None = None
    """Whether it keeps to a JSON Schema. Default: the catalogue's."""
    reasoning: bool | None = None
    """Whether it may think before it answers, so that its first word may take long. Default: the catalogue's."""
    prefill: bool | None = None
    """Whether it goes on from the beginning of an answer that a request ends with: a stream that breaks off is then
    continued. Of dialects `openai` and `anthropic`. Default: the catalogue's, else as the flavour of its host says."""


class ModelConfig(Table, frozen=True, kw_only=True):
    """`[models."PROVIDER/MODEL"]`: one candidate; MODEL is the name that the provider knows."""

    weights: Text | None = None
    """Name of the weights; entries with equal weights are hosts of one model. Default: the model's name."""
    known_as: tuple[Text, ...] = ()
    """Its names in outcome tables. Default: none beside its own."""
    settings: dict[str, str | int | float | bool] = msgspec.field(default_factory=dict)
    """Fields added to every call, such as `reasoning_effort`. Default: none."""
    price: PriceConfig | None = None
    """What it costs. Default: the catalogue's price, unknown where it has none."""
    price_factor: Factor | None = None
    """Every rate of the catalogue, times this: 1.1 for a regional uplift, 0.8 for a discount that was agreed on.
    Default: none, 0 to 100."""
    capabilities: CapabilitiesConfig = CapabilitiesConfig()
    """What it can do. Default: the catalogue's knowledge."""


class QualityFloorConfig(Table, frozen=True, kw_only=True):
    """`quality_floor` of a route: how much quality may be given up for cost."""

    margin: Annotated[float, Meta(ge=0, lt=1)]
    """Mean score that may be given up against the reference, in [0, 1), such as 0.02 for two points. Required."""
    confidence: Annotated[float, Meta(ge=0.5, lt=1)] | None = None
    """How surely outcomes must show that no more is given up; for the objective `cost`. Default 0.95, in [0.5, 1)."""
    certificate_days: Annotated[int, Meta(ge=1, le=3650)] | None = None
    """Of a router fitted with `--certify`: days from fitting on until its certificate expires and the reference serves.
    Default: as it was fitted, 90 days there."""
    alarm_chance: Annotated[float, Meta(gt=0, lt=0.5)] | None = None
    """Of such a router: the chance that its monitor ever raises an alarm while the certificate holds. Default 0.01."""


class BudgetConfig(Table, frozen=True, kw_only=True):
    """`budget` of a route: money that is never overspent, whatever happens."""

    usd: Decimal
    """How much, USD, such as `"500"`; above 0. Required."""
    per: Literal["hour", "day", "week", "month", "total"] = "month"
    """In which time, by the clock of UTC; `total` is for good. Default `month`."""


class CacheConfig(Table, frozen=True, kw_only=True):
    """`cache` of a route: the answer to what was asked before is given again, to the same key."""

    ttl_s: Annotated[float, Meta(gt=0, le=604_800)] = 3600.0
    """For how long, seconds. Default 3600, up to a week."""
    max_mb: Annotated[int, Meta(ge=1, le=100_000)] = 64
    """How large all answers together may grow, megabytes; what was not asked for longest goes first. Default 64."""
    tools: bool = False
    """Whether requests with tools take part. Default `false`: what a tool found may be different by now."""


class RouteConfig(Table, frozen=True, kw_only=True):
    """`[routes.NAME]`: how to choose for requests whose `model` is NAME."""

    reference: Text | None = None
    """The model used before, the baseline of every claim. Default: the dearest priced candidate, *assumed*."""
    candidates: tuple[Text, ...] | None = None
    """Models to choose from, `PROVIDER/MODEL`. Default: all."""
    router: Path | None = None
    """A fitted router (`fairlead fit`); a relative path starts at the config file. A path that ends in `current` is
    moved by `fairlead promote`, and until then the reference serves. Default: none, so the reference."""
    objective: Literal["cost", "quality", "latency", "order"] = "cost"
    """`cost`: as little spent as the floor allows; `quality`: the highest expected score; `latency`: the fastest within
    the floor; `order`: the candidates in the order given, a plain fallback chain. Default `cost`."""
    quality_floor: QualityFloorConfig | None = None
    """For `cost` and `latency`; judged on the outcomes the router was fitted on. Default: the fitted router's policy
    for `cost`, a margin of 0.01 for `latency`."""
    usd_per_request: Annotated[float, Meta(gt=0, le=1000)] | None = None
    """For `quality`: the mean cost of a request that must not be exceeded, USD. Default: none, up to 1000."""
    cascade: bool = False
    """For `cost` and `quality`: cheap models may be asked first, and a dearer one where their answers do not convince.
    Needs a router fitted to a table that holds the models' answers; `quality` then spends no more than the reference
    does where `usd_per_request` is not given. Default `false`; a router fitted with `--cascade` keeps its own."""
    latency_p95_s: Seconds | None = None
    """Only models predicted to answer within it, 19 times in 20, are chosen from, under every objective; the reference
    serves where none is. Seconds. Default: none, up to 3600."""
    control_share: Annotated[float, Meta(ge=0, lt=1)] = 0.0
    """Share of sessions that get the reference, at random: what makes savings provable. Default 0, in [0, 1)."""
    store_features: bool = False
    """Keep of each request some numbers that `fairlead fit --ledger` can learn from, and no words. They tell what a
    request is about, and can be erased. Default `false`."""
    store_prompts: bool = False
    """Keep the words of each request, too: a router learns more from them. They can be erased. Default `false`."""
    cache: CacheConfig | None = None
    """Exact-match cache in the memory of each gateway, such as `{ ttl_s = 600 }`; off unless given. Default: none."""
    budget: BudgetConfig | None = None
    """A hard budget: what a call may cost is set aside before it is made, and models without a price do not serve.
    Routes that stand beside `auto` share its budget. Default: none."""
    verifiers: tuple[VerifierConfig, ...] = ()
    """Rules that score answers. Default: none."""
    shadow: ShadowConfig | None = None
    """Copies that go to other models after the reply: how a fresh install gathers evidence. Default: none."""
    judge: JudgeConfig | None = None
    """A model that scores the answers to copied requests; needs `shadow`. Default: none."""


class Secret:
    """A key that does not show itself."""

    __slots__ = ("_value",)

    def __init__(self, value: str) -> None:
        self._value = value

    def reveal(self) -> str:
        """Returns the key itself."""
        return self._value

    def __repr__(self) -> str:
        return "Secret('***')"


class Config(msgspec.Struct, frozen=True, kw_only=True):
    """Everything that was configured, checked and resolved once."""

    source: str
    """Where it came from: the file, or `the environment`."""
    server: ServerConfig
    limits: LimitsConfig
    ledger: LedgerConfig
    prices: PricesConfig = PricesConfig()
    observability: ObservabilityConfig = ObservabilityConfig()
    providers: dict[str, ProviderConfig]
    models: dict[str, ModelConfig]
    routes: dict[str, RouteConfig]
    """Always holds `auto`."""
    keys: dict[str, Secret]
    """Provider -> its key, for those that have one."""
    admin_key: Secret | None = None

    @property
    def secrets(self) -> list[str]:
        """Every key itself, and what the environment gave in place of `${NAME}`: what no log may hold."""
        own = [] if self.admin_key is None else [self.admin_key]
        tables = (self.server, self.ledger, self.observability, self.prices, self.providers)
        return [*(key.reveal() for key in (*self.keys.values(), *own)), *given(tables)]

    def overridden(self, *, host: str | None = None, port: int | None = None, ledger: str | None = None) -> Self:
        """Returns the same with what flags say in place of the file; `None` leaves it."""
        server = {name: value for name, value in {"host": host, "port": port}.items() if value is not None}
        return replace(self, server=replace(self.server, **server), ledger=self._ledger(ledger))

    def _ledger(self, place: str | None) -> LedgerConfig:
        if place is None:
            return self.ledger
        if "://" in place:
            return replace(self.ledger, url=place)
        return replace(self.ledger, path=Path(place), url=None)

    @property
    def hash(self) -> str:
        """Returns the SHA-256 of all settings, in hexadecimal; keys take no part."""
        tables = (self.server, self.limits, self.ledger, self.prices, self.providers, self.models, self.routes)
        encoded = msgspec.json.encode(tables, order="deterministic", enc_hook=shown)
        return hashlib.sha256(encoded).hexdigest()
