"""The published weights of all-MiniLM-L6-v2, read without the libraries that trained them."""

from __future__ import annotations

import hashlib
import json

import numpy as np
import numpy.typing as npt

from fairlead.errors import ArtifactError

Weights = dict[str, npt.NDArray[np.float32]]

SHA256 = "53aa51172d142c89d9012cce15ae4d6cc0ca6895895114379cacb4fab128d9db"
"""Of `model.safetensors` as published."""


def published(content: bytes) -> Weights:
    """Returns the weights, of a file that is the published one.

    Raises:
        ArtifactError: it is another one.
    """
    found = hashlib.sha256(content).hexdigest()
    if found != SHA256:
        raise ArtifactError(f"`model.safetensors` of all-MiniLM-L6-v2 has the SHA-256 {SHA256}; this file has {found}.")
    return arrays(content)


def arrays(content: bytes) -> Weights:
    """Returns the arrays of a safetensors file: eight bytes of length, a JSON header, then the numbers."""
    start = 8 + int.from_bytes(content[:8], "little")
    headers = {name: at for name, at in json.loads(content[8:start]).items() if at.get("dtype") == "F32"}
    numbers = np.frombuffer(content, dtype="<f4", offset=start)
    return {
        name: numbers[slice(*np.array(at["data_offsets"]) // 4)].reshape(at["shape"]) for name, at in headers.items()
    }
