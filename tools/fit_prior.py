"""Rebuilds the shipped prior, `src/fairlead/features/data/prior.npz`, from outcome tables under permissive licences.

    prompts of all tables -General-> features -ItemResponse, models of one name as one-> items and abilities

Needs the tables `mmlu_pro`, `zeroeval`, `routellm` and `llmrouter9` as folders of DATA, and minutes, no network:

    python tools/fit_prior.py DATA

No text of a prompt or an answer is in the file: scales of features, a linear map, and abilities of models.
"""

from __future__ import annotations

import argparse
import hashlib
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from fairlead.features import General
from fairlead.outcomes import Outcomes
from fairlead.predictors import ItemResponse
from fairlead.prior import stacked

if TYPE_CHECKING:
    from collections.abc import Sequence

TARGET = Path(__file__).parents[1] / "src" / "fairlead" / "features" / "data" / "prior.npz"
TABLES = ("mmlu_pro", "zeroeval", "routellm", "llmrouter9")
SINGLE = ("items/eigenvectors_", "items/coefficients_", "items/spread_")
"""Arrays for which single precision is enough, and halves the file."""


def main() -> None:
    """Writes the prior and prints its hash."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("data", type=Path)
    parser.add_argument("--out", type=Path, default=TARGET)
    given = parser.parse_args()
    tables = [Outcomes.read(given.data / name) for name in TABLES]
    general, items, names = fitted(tables)
    arrays = {f"features/{name}": array for name, array in general.state().items()}
    arrays |= {f"items/{name}": array for name, array in items.state().items()}
    arrays |= {name: arrays[name].astype(np.float32) for name in SINGLE}
    arrays["models"] = np.frombuffer("\n".join(names).encode(), dtype=np.uint8)
    np.savez_compressed(given.out, allow_pickle=False, **arrays)
    content = given.out.read_bytes()
    print(f"{len(names)} models, {len(content):,} bytes; SHA-256 {hashlib.sha256(content).hexdigest()}")
    for table in tables:
        print(f"{table.name}: {len(table)} prompts, {len(table.models)} models, data {table.data_hash[:16]}")


def fitted(tables: Sequence[Outcomes]) -> tuple[General, ItemResponse, tuple[str, ...]]:
    """Returns features, items and abilities learned from all tables, and the names of the models."""
    requests, score, names = stacked(tables)
    general = General()
    return general, ItemResponse().fit(general.fit_transform(requests), score), names


if __name__ == "__main__":
    main()
