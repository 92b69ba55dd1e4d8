"""Asks genai-prices for every model of a known provider, and keeps what it says in `catalog/first_source.json`.

    python tools/resolve_prices.py

To be run again with every version of the library.
"""

from __future__ import annotations

from importlib.metadata import version
from pathlib import Path

import msgspec

from fairlead.catalog.prices import ask, find, models_at
from fairlead.catalog.resolved import FILE, LIBRARY, Book, Resolved, ResolvedTerm
from fairlead.config.known import KNOWN_PROVIDERS

OUT = Path(__file__).parents[1] / "src" / "fairlead" / "catalog" / FILE


def resolve(provider: str, model: str, base_url: str) -> Resolved | None:
    """Returns what the library says of a model by its own name; `None` where the name means another one."""
    found = find(provider, model, base_url)
    if found is None or found[1].id != model:
        return None
    settings = {name for variant in found[1].price_variants or () for name in variant.when}
    return Resolved(
        terms=tuple(map(ResolvedTerm.of, ask(*found, {}))),
        context_tokens=found[1].context_window,
        settings=tuple(sorted(settings)),
    )


def main() -> None:
    """Writes the file."""
    models = {}
    for provider, known in KNOWN_PROVIDERS.items():
        for model in sorted(set(models_at(known.base_url))):
            if (entry := resolve(provider, model, known.base_url)) is not None:
                models[f"{provider}/{model}"] = msgspec.Raw(msgspec.json.encode(entry))
    OUT.write_bytes(msgspec.json.encode(Book(library=version(LIBRARY), models=models)) + b"\n")
    print(f"{len(models)} models, {OUT.stat().st_size:,} bytes")


if __name__ == "__main__":
    main()
