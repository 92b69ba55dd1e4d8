"""Packs the ranks of the tokenizer that usage is estimated with: `src/fairlead/data/o200k_base.xz`.

The npm package `tiktoken` (MIT) holds them. What it expands to is the published rank file, byte for byte, or refused:

    npm pack tiktoken@1.0.22 && tar xzf tiktoken-1.0.22.tgz
    python tools/vendor_ranks.py package/encoders/o200k_base.json
"""

from __future__ import annotations

import argparse
import hashlib
import json
import lzma
from pathlib import Path

from fairlead.tokenizer import RANKS_SHA256

TARGET = Path(__file__).parents[1] / "src" / "fairlead" / "data" / "o200k_base.xz"


def main() -> None:
    """Writes the file and prints its size."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("encoder", type=Path, help="`o200k_base.json` of the npm package")
    parser.add_argument("--out", type=Path, default=TARGET)
    given = parser.parse_args()
    ranks = expanded(json.loads(given.encoder.read_text(encoding="utf-8"))["bpe_ranks"])
    found = hashlib.sha256(ranks).hexdigest()
    if found != RANKS_SHA256:
        parser.error(f"`{given.encoder}` expands to SHA-256 {found}; expected {RANKS_SHA256}. Take another version.")
    given.out.write_bytes(lzma.compress(ranks, preset=9 | lzma.PRESET_EXTREME))
    print(f"{len(ranks.splitlines()):,} ranks in {given.out.stat().st_size:,} bytes")


def expanded(packed: str) -> bytes:
    """Returns one line a token, `base64 rank`, from lines of `! first-rank token token ...`."""
    lines = []
    for line in packed.splitlines():
        _, first, *tokens = line.split(" ")
        lines += [f"{token} {rank}" for rank, token in enumerate(tokens, int(first))]
    return "\n".join(lines).encode() + b"\n"


if __name__ == "__main__":
    main()
