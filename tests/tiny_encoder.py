"""A sentence encoder small enough for tests: BERT of random weights, two layers of width eight."""

import numpy as np

from fairlead.convert import graph, write

N_HEADS, WIDTH, INNER, N_LAYERS, N_POSITIONS = 2, 8, 16, 2, 160
WORDS = ("[UNK]", "[CLS]", "[SEP]", "the", "ship", "sail", "##s", "##ing", "a", ".", "?", "数")


def write_tiny_encoder(folder):
    """Writes `encoder.onnx` and `vocab.txt` as `fairlead.convert` would."""
    folder.joinpath("vocab.txt").write_text("\n".join(WORDS) + "\n", encoding="utf-8")
    write(graph(tiny_weights(), n_heads=N_HEADS), folder / "encoder.onnx")
    return folder


def tiny_weights(seed=0):
    rng = np.random.default_rng(seed)
    return {name: rng.normal(size=shape).astype(np.float32) for name, shape in _shapes().items()}


def _shapes():
    shapes = {
        "embeddings.word_embeddings.weight": (len(WORDS), WIDTH),
        "embeddings.position_embeddings.weight": (N_POSITIONS, WIDTH),
        "embeddings.token_type_embeddings.weight": (2, WIDTH),
    } | _pair("embeddings.LayerNorm", (WIDTH,))
    for layer in range(N_LAYERS):
        at = f"encoder.layer.{layer}"
        for name in ("attention.self.query", "attention.self.key", "attention.self.value", "attention.output.dense"):
            shapes |= _pair(f"{at}.{name}", (WIDTH, WIDTH))
        shapes |= _pair(f"{at}.attention.output.LayerNorm", (WIDTH,)) | _pair(f"{at}.output.LayerNorm", (WIDTH,))
        shapes |= _pair(f"{at}.intermediate.dense", (INNER, WIDTH)) | _pair(f"{at}.output.dense", (WIDTH, INNER))
    return shapes


def _pair(at, shape):
    return {f"{at}.weight": shape, f"{at}.bias": shape[:1]}
