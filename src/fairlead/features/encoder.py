"""What a request means, by a sentence encoder that runs on the processor.

It is a hundred times slower than all other features together, so it is an extra that must earn its milliseconds.

    text -WordPiece-> at most 128 tokens of each segment -MiniLM, int8-> 384 numbers

`fairlead.convert` makes the folder that it reads. Needs `pip install 'fairlead[encoder]'`.
"""

from __future__ import annotations

import hashlib
import re
from functools import lru_cache
from typing import TYPE_CHECKING, Any, Self

import numpy as np
import numpy.typing as npt

from fairlead.errors import ArtifactError, MissingExtraError
from fairlead.estimator import Estimator, State
from fairlead.features.reading import merged, plain, read
from fairlead.features.wordpiece import pieces

if TYPE_CHECKING:
    from collections.abc import Sequence

    from fairlead.features.reading import Float32Array, Reading
    from fairlead.types import FloatArray, Request

MAX_TOKENS = 128
"""Read of a segment: one half from its head, the other from its tail."""

N_KEPT = 16_384
"""Segments whose embedding is remembered: fitting reads each prompt several times."""

_MARK = (
    r"!-/:-@\[-`{-~\u00a1\u00a7\u00ab\u00b6\u00b7\u00bb\u00bf\u2010-\u2027\u2030-\u205e"
    r"\u3001-\u3003\u3008-\u301f\uff01-\uff0f"
)
"""What BERT takes for punctuation: each such character is a token, other signs are letters."""
_TOKEN = re.compile(rf"[{_MARK}]|[^\s{_MARK}]+")
_CONTROL = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f\u200b-\u200f\ufffd]")
_LONGEST_WORD = 100
_TINY = 1e-6


class Encoder(Estimator):
    """Columns of a sentence encoder; a column's typical size over the training requests is 1 on average, its mean 0.

    Args:
        directory: with `encoder.onnx` and `vocab.txt`.
    """

    mean_: FloatArray
    scale_: FloatArray
    encoder_: npt.NDArray[np.uint8]
    """First eight bytes of the SHA-256 of the graph."""

    def __init__(self, *, directory: str) -> None:
        self.directory = directory

    def fit(self, requests: Sequence[Request]) -> Self:
        """Learns where the training requests lie; directions keep their proportions."""
        return self.fit_readings([read(request) for request in requests])

    def fit_readings(self, readings: Sequence[Reading]) -> Self:
        """Does the same for requests that were read already."""
        raw = self._raw(readings)
        self.mean_ = raw.mean(axis=0)
        self.scale_ = np.array([max(float(np.sqrt(np.square(raw - self.mean_).mean())), _TINY)])
        self.encoder_ = _runtime(self.directory).fingerprint
        return self

    def fit_transform(self, requests: Sequence[Request]) -> FloatArray:
        """Fits, and returns what `transform` would."""
        readings = [read(request) for request in requests]
        return self.fit_readings(readings).columns(readings)

    def transform(self, requests: Sequence[Request]) -> FloatArray:
        """Returns (n_requests, n_columns)."""
        return self.columns([read(request) for request in requests])

    def columns(self, readings: Sequence[Reading]) -> FloatArray:
        """Returns the same for requests that were read already."""
        if not readings:
            return np.empty((0, len(self.mean_)))
        return np.asarray((self._raw(readings) - self.mean_) / self.scale_)

    def restore(self, state: State) -> Self:
        """Takes back what `state` gave.

        Raises:
            ArtifactError: it was learned with another encoder than the one in `directory`, or none is there.
            MissingExtraError: `onnxruntime` is not installed.
        """
        if "encoder_" in state and not np.array_equal(state["encoder_"], _runtime(self.directory).fingerprint):
            raise ArtifactError(f"these features were fitted with another encoder than that in `{self.directory}`.")
        return super().restore(state)

    def _raw(self, readings: Sequence[Reading]) -> FloatArray:
        embed = _runtime(self.directory).embedded
        rows = [embed(piece) for reading in readings for piece in reading.segments]
        return merged(readings, np.array(rows, dtype=np.float64))


class _Runtime:
    """A graph in memory, ready to run; one request at a time, so that a batch gives what each alone does."""

    def __init__(self, directory: str) -> None:
        graph, vocabulary = (_content(directory, name) for name in ("encoder.onnx", "vocab.txt"))
        self.fingerprint = np.frombuffer(hashlib.sha256(graph).digest()[:8], dtype=np.uint8)
        self.place = {word: i for i, word in enumerate(vocabulary.split(b"\n")) if word}
        self.session = _session(graph)
        self.embedded = lru_cache(maxsize=N_KEPT)(self._embedded)

    def ids(self, text: str) -> list[int]:
        """Returns the tokens of a text between their two marks; of a long one, of its head and its tail."""
        found = [place for word in _TOKEN.findall(_CONTROL.sub("", plain(text))) for place in self._pieces(word)]
        n = MAX_TOKENS - 2
        kept = found if len(found) <= n else found[: n // 2] + found[-(n // 2) :]
        return [self.place[b"[CLS]"], *kept, self.place[b"[SEP]"]]

    def _pieces(self, word: str) -> list[int]:
        cut = pieces(word.encode("utf-8", "replace"), self.place) if len(word) <= _LONGEST_WORD else []
        return cut or [self.place[b"[UNK]"]]

    def _embedded(self, text: str) -> Float32Array:
        (embedding,) = self.session.run(["embedding"], {"ids": np.array([self.ids(text)], dtype=np.int64)})
        return np.asarray(embedding[0])


@lru_cache(maxsize=4)
def _runtime(directory: str) -> _Runtime:
    return _Runtime(directory)


def _content(directory: str, name: str) -> bytes:
    try:
        with open(f"{directory}/{name}", "rb") as file:  # noqa: PTH123 - deciding knows no paths; this is read once
            return file.read()
    except OSError as error:
        raise ArtifactError(
            f"`{directory}/{name}` cannot be read ({error.strerror}); expected an encoder. "
            "`python -m fairlead.convert FOLDER` makes one of the files of all-MiniLM-L6-v2."
        ) from error


def _session(graph: bytes) -> Any:
    try:
        import onnxruntime  # noqa: PLC0415 - an extra; heavy, and needed by those alone who ask for it
    except ImportError as error:
        raise MissingExtraError("onnxruntime", "encoder") from error
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = 1
    options.inter_op_num_threads = 1
    return onnxruntime.InferenceSession(graph, options, providers=["CPUExecutionProvider"])
