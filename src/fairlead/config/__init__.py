"""What the user configured: three nouns, provider (where), model (what), route (how to choose).

tables.py holds one struct a TOML table, known.py the providers that need no configuring, reading.py `load`, and
wording.py what a reader of a refused file is told. Nothing else in the package reads the environment.
"""

from fairlead.config.reading import load
from fairlead.config.tables import (
    BudgetConfig,
    CacheConfig,
    CapabilitiesConfig,
    Config,
    HostedProvider,
    LedgerConfig,
    LimitsConfig,
    ModelConfig,
    ObservabilityConfig,
    PriceConfig,
    PricesConfig,
    PriceTermConfig,
    PriceTierConfig,
    ProviderConfig,
    QualityFloorConfig,
    RecordedProvider,
    RouteConfig,
    Secret,
    ServerConfig,
    SimulatedProvider,
)

__all__ = [
    "BudgetConfig",
    "CacheConfig",
    "CapabilitiesConfig",
    "Config",
    "HostedProvider",
    "LedgerConfig",
    "LimitsConfig",
    "ModelConfig",
    "ObservabilityConfig",
    "PriceConfig",
    "PriceTermConfig",
    "PriceTierConfig",
    "PricesConfig",
    "ProviderConfig",
    "QualityFloorConfig",
    "RecordedProvider",
    "RouteConfig",
    "Secret",
    "ServerConfig",
    "SimulatedProvider",
    "load",
]
