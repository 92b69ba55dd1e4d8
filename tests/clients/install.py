"""Makes the environments of the client families, or those that are named, under `.clients/`: one at a time."""

import json
import subprocess
import sys
import tomllib
from pathlib import Path

HERE = Path(__file__).parent
ROOT = HERE.parents[1] / ".clients"
FAMILIES = tomllib.loads((HERE / "families.toml").read_text(encoding="utf-8"))


def main(names):
    for name in names or FAMILIES:
        family, folder = FAMILIES[name], ROOT / name
        done, wanted = folder / "installed.json", json.dumps(family["packages"])
        if done.exists() and done.read_text(encoding="utf-8") == wanted:
            continue
        print(f"installing the clients of {name}", flush=True)
        folder.mkdir(parents=True, exist_ok=True)
        {"python": install_python, "node": install_node}[family["language"]](folder, family["packages"])
        done.write_text(wanted, encoding="utf-8")


def install_python(folder, packages):
    subprocess.run([sys.executable, "-m", "venv", folder], check=True)
    quiet = ["--quiet", "--disable-pip-version-check"]
    subprocess.run([folder / "bin" / "python", "-m", "pip", "install", *quiet, *packages], check=True)


def install_node(folder, packages):
    subprocess.run(["npm", "install", "--no-fund", "--no-audit", "--prefix", folder, *packages], check=True)


main(sys.argv[1:])
