"""Makes the environments of the client families, or those that are named, under `.clients/`: two at a time."""

import json
import subprocess
import sys
import tomllib
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

HERE = Path(__file__).parent
ROOT = HERE.parents[1] / ".clients"
FAMILIES = tomllib.loads((HERE / "families.toml").read_text(encoding="utf-8"))


def main(names):
    with ThreadPoolExecutor(max_workers=2) as pool:
        for failure in pool.map(tried, names or FAMILIES):
            if failure:
                pool.shutdown(cancel_futures=True)
                sys.exit(failure)


def tried(name):
    """Makes the environment of a family; returns what went wrong, `None` where nothing did."""
    try:
        install(name)
    except (OSError, subprocess.SubprocessError) as error:
        output = (getattr(error, "stderr", None) or str(error)).strip().splitlines()
        why = next((line for line in output if "error" in line.lower()), output[-1])
        return (
            f"error: the clients of {name} cannot be installed: {why}; expected pip, npm and their registries to answer"
        )
    return None


def install(name):
    family, folder = FAMILIES[name], ROOT / name
    done, wanted = folder / "installed.json", json.dumps(family["packages"])
    if done.exists() and done.read_text(encoding="utf-8") == wanted:
        return
    print(f"installing the clients of {name}", flush=True)
    done.unlink(missing_ok=True)
    folder.mkdir(parents=True, exist_ok=True)
    {"python": install_python, "node": install_node}[family["language"]](folder, family["packages"])
    done.write_text(wanted, encoding="utf-8")


def install_python(folder, packages):
    run(sys.executable, "-m", "venv", folder)
    quiet = ["--quiet", "--disable-pip-version-check", "--only-binary", ":all:", "--retries", "2"]
    run(folder / "bin" / "python", "-m", "pip", "install", *quiet, *packages)


def install_node(folder, packages):
    quiet = ["--no-fund", "--no-audit", "--ignore-scripts", "--loglevel=error", "--fetch-retries=1"]
    run("npm", "install", *quiet, "--prefix", folder, *packages)


def run(*command):
    subprocess.run(command, check=True, capture_output=True, text=True, timeout=900)


main(sys.argv[1:])
