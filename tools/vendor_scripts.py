"""Rebuilds the scripts that the dashboard ships: fetches the packages from npm and takes one file each, as it is.

python tools/vendor_scripts.py [--check]

Needs `npm`. The package versions and the SHA-256 of every file stand below; another content is refused. `--check`
fetches nothing and only compares the files with their sums.
"""

from __future__ import annotations

import argparse
import hashlib
import subprocess
import sys
import tarfile
import tempfile
from dataclasses import dataclass
from pathlib import Path

STATIC = Path(__file__).parents[1] / "src" / "fairlead" / "dashboard" / "static"


@dataclass(frozen=True, slots=True, kw_only=True)
class Vendored:
    """One file of a package."""

    package: str
    source: str
    """Its path inside the package."""
    sha256: str

    @property
    def path(self) -> Path:
        """Where it ships."""
        return STATIC / Path(self.source).name


FILES = (
    Vendored(
        package="htmx.org@2.0.11",
        source="dist/htmx.min.js",
        sha256="d6fdc75f204e6bdefa99b69bf1e6d4ac69b8a364f77929f45c13476b4000f717",
    ),
    Vendored(
        package="uplot@1.6.32",
        source="dist/uPlot.iife.min.js",
        sha256="19c8d4c6ad88929a79f4ae49d6f7161566dfd0ba3d15cc495e974f787eb78f1f",
    ),
    Vendored(
        package="uplot@1.6.32",
        source="dist/uPlot.min.css",
        sha256="df630c6a8d6f8eeaff264b50f73ce5b114f646ffd9a0bb74f049b0a00135fa04",
    ),
)


def main() -> None:
    """Fetches, or checks."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--check", action="store_true")
    if not parser.parse_args().check:
        with tempfile.TemporaryDirectory() as folder:
            for file in FILES:
                file.path.write_bytes(_verified(file, _fetched(file, Path(folder))))
    for file in FILES:
        _verified(file, file.path.read_bytes())
        print(f"{file.path.name}: {file.package}, {file.sha256}")


def _fetched(file: Vendored, folder: Path) -> bytes:
    command = ["npm", "pack", "--silent", "--ignore-scripts", "--pack-destination", str(folder), file.package]
    name = subprocess.run(command, check=True, capture_output=True, text=True).stdout.split()[-1]
    with tarfile.open(folder / name) as archive:
        member = archive.extractfile(f"package/{file.source}")
        assert member is not None
        return member.read()


def _verified(file: Vendored, content: bytes) -> bytes:
    found = hashlib.sha256(content).hexdigest()
    if found != file.sha256:
        sys.exit(f"error: `{file.source}` of {file.package} has the SHA-256 {found}; expected {file.sha256}.")
    return content


if __name__ == "__main__":
    main()
