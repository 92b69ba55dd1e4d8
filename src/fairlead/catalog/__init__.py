"""Which models exist, what they can do, and dated prices."""

from fairlead.catalog.build import build
from fairlead.catalog.capabilities import capabilities_of
from fairlead.catalog.prices import price_of, tariff_of
from fairlead.catalog.terms import priced

__all__ = ["build", "capabilities_of", "price_of", "priced", "tariff_of"]
