"""Makes what the browser tests need beside Python packages: Chromium from the system's packages, axe-core from npm."""

import os
import shutil
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).parents[2] / ".browser"
AXE = "axe-core@4.14.1"


def main():
    if shutil.which("chromium") is None:
        install_chromium()
    if not (ROOT / "node_modules" / "axe-core" / "axe.min.js").exists():
        quiet = ["--no-fund", "--no-audit", "--ignore-scripts", "--silent"]
        subprocess.run(["npm", "install", *quiet, "--prefix", ROOT, AXE], check=True)


def install_chromium():
    if shutil.which("apt-get") is None or os.geteuid() != 0:
        sys.exit("error: there is no `chromium`. Install it, on Debian by `sudo apt-get install chromium`.")
    subprocess.run(["apt-get", "update", "-qq"], check=True)
    quiet = {**os.environ, "DEBIAN_FRONTEND": "noninteractive"}
    subprocess.run(["apt-get", "install", "-y", "-qq", "--no-install-recommends", "chromium"], check=True, env=quiet)


main()
