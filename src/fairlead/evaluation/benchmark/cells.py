"""What one method did on one split, kept as a small JSON file: choices, not figures, so that any figure can follow.

A file is named by what it depends on: the data, the code, the method with its parameters, the split. Whatever of it
changes gives another name, and the old file is left alone.
"""

from __future__ import annotations

import base64
import hashlib
import zlib
from pathlib import Path
from typing import TYPE_CHECKING, Any

import msgspec
import numpy as np

import fairlead
from fairlead.evaluation.baselines.base import Sweep

if TYPE_CHECKING:
    import numpy.typing as npt

    from fairlead.evaluation.benchmark.tables import Judged

SCHEMA = "fairlead.benchmark.cell/1"

_DECIDING = ("features", "predictors", "policies", "statistics", "outcomes", "evaluation/baselines")
_DECIDING_FILES = (
    *("fitting.py", "router.py", "evidence.py", "costs.py", "answers.py", "estimator.py"),
    *("evaluation/benchmark/ours.py", "evaluation/benchmark/tables.py"),
    *("evaluation/robustness.py", "evaluation/perturbations.py"),
)


class Packed(msgspec.Struct, frozen=True, kw_only=True):
    """An array as text."""

    dtype: str
    shape: tuple[int, ...]
    data: str
    """Base64 of zlib of the bytes."""


class Flip(msgspec.Struct, frozen=True, kw_only=True):
    """What one change of the wording did to the choices of a policy without its guard."""

    change: str
    adversarial: bool
    n: int
    flipped: float
    """Share of the choices; 0 where the change alters no prompt."""
    dearer: float


class Cell(msgspec.Struct, frozen=True, kw_only=True):
    """One method on one split."""

    schema: str = SCHEMA
    key: str
    """Of everything it depends on."""
    part: str
    seed: int
    method: str
    bound: bool
    about: str
    n: int
    """Prompts that were judged."""
    reference: str
    """The best model on the training prompts."""
    applies: bool
    """Whether the table has what the method needs; without that there is nothing else."""
    error: str | None = None
    """What went wrong, where it broke down: then there is nothing else."""
    took_s: float = 0.0
    """To learn and to decide at every setting; features, which all methods share, apart."""
    settings: tuple[str, ...] = ()
    default: int = 0
    picked: dict[str, int] = {}
    """Purpose -> the setting that was picked for it on the training prompts."""
    columns: Packed | None = None
    score: Packed | None = None
    cost_usd: Packed | None = None
    p_success: Packed | None = None
    win_rate: Packed | None = None
    flips: tuple[Flip, ...] = ()
    """Of our router, on the first split."""

    @property
    def sweep(self) -> Sweep:
        """What the method did."""
        arrays = {name: _unpacked(getattr(self, name)) for name in _ARRAYS}
        return Sweep(settings=self.settings, default=self.default, picked=self.picked, **arrays)


_ARRAYS: dict[str, type] = {
    "columns": np.uint8,
    "score": np.float32,
    "cost_usd": np.float32,
    "p_success": np.float32,
    "win_rate": np.float64,  # ties and thresholds must stay what they were
}


def packed_sweep(sweep: Sweep) -> dict[str, Any]:
    """Returns the fields of a cell that hold a sweep."""
    arrays = {name: _packed(getattr(sweep, name), dtype) for name, dtype in _ARRAYS.items()}
    return {"settings": sweep.settings, "default": sweep.default, "picked": dict(sweep.picked), **arrays}


def _packed(array: npt.NDArray[Any] | None, dtype: type) -> Packed | None:
    if array is None:
        return None
    plain: npt.NDArray[Any] = np.ascontiguousarray(array, dtype=dtype)
    return Packed(
        dtype=plain.dtype.str, shape=plain.shape, data=base64.b64encode(zlib.compress(plain.tobytes(), 6)).decode()
    )


def _unpacked(packed: Packed | None) -> npt.NDArray[Any] | None:
    if packed is None:
        return None
    data = zlib.decompress(base64.b64decode(packed.data))
    array = np.frombuffer(data, dtype=packed.dtype).reshape(packed.shape)
    return array.astype(np.float64) if array.dtype.kind == "f" else array


def code_version() -> str:
    """Returns the version, and a hash of the code that decides: a change there makes old cells unfit."""
    root = Path(fairlead.__file__).parent
    files = [path for folder in _DECIDING for path in sorted((root / folder).rglob("*")) if path.suffix != ".pyc"]
    digest = hashlib.sha256()
    for path in [*files, *(root / name for name in _DECIDING_FILES)]:
        if path.is_file():
            digest.update(path.relative_to(root).as_posix().encode() + path.read_bytes())
    return f"{fairlead.__version__}+{digest.hexdigest()[:10]}"


def key_of(judged: Judged, seed: int, method: str, parameters: str, *, code: str, data_hash: str) -> str:
    """Returns a name for a cell.

    Args:
        judged: the part; how it is split and priced is part of the name.
        seed: of the split.
        method: name of the method.
        parameters: how it is set.
        code: see `code_version`.
        data_hash: of the judged outcomes.
    """
    depends_on = [SCHEMA, data_hash, repr(judged.part), seed, method, parameters, code]
    return hashlib.sha256(msgspec.json.encode(depends_on)).hexdigest()[:24]


class CellStore:
    """A folder of cells."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def path(self, part: str, seed: int, method: str, key: str) -> Path:
        """Returns where a cell is kept."""
        words = "-".join("".join(c if c.isalnum() else "_" for c in word) for word in (part, str(seed), method))
        return self.folder / f"{words}-{key[:12]}.json"

    def find(self, part: str, seed: int, method: str, key: str) -> Cell | None:
        """Returns a cell, `None` where there is none, or none that is whole."""
        path = self.path(part, seed, method, key)
        try:
            cell = msgspec.json.decode(path.read_bytes(), type=Cell)
        except (OSError, msgspec.DecodeError):
            return None
        return cell if cell.key == key else None

    def keep(self, cell: Cell) -> None:
        """Writes a cell, whole or not at all."""
        self.folder.mkdir(parents=True, exist_ok=True)
        path = self.path(cell.part, cell.seed, cell.method, cell.key)
        partial = path.with_suffix(".partial")
        partial.write_bytes(msgspec.json.encode(cell))
        partial.replace(path)
