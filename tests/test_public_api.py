"""The public names: pinned, typed, cheap to import."""

import importlib.metadata
import subprocess
import sys

import pytest

import fairlead


def test_the_public_names_are_these_and_no_others():
    assert fairlead.__all__ == [
        "Constant",
        "Context",
        "Decision",
        "FairleadError",
        "Floor",
        "Outcomes",
        "Request",
        "Router",
        "Threshold",
        "Utility",
        "__version__",
        "baselines",
        "evaluate",
        "fit",
        "load",
        "save",
    ]
    assert dir(fairlead) == fairlead.__all__


@pytest.mark.parametrize("name", fairlead.__all__)
def test_every_public_name_is_there_and_documented(name):
    thing = getattr(fairlead, name)
    assert isinstance(thing, str) or thing.__doc__


def test_a_name_that_is_not_public_is_refused_by_name():
    with pytest.raises(AttributeError, match="`fairlead` has no attribute `Rooter`"):
        _ = fairlead.Rooter


def test_importing_the_package_loads_none_of_its_modules():
    show = "import sys, fairlead; print([m for m in sys.modules if m.startswith(('fairlead.', 'numpy', 'msgspec'))])"
    printed = subprocess.run([sys.executable, "-c", show], capture_output=True, text=True, check=True).stdout
    assert printed.strip() == "[]"


def test_the_version_is_the_one_that_is_installed():
    assert fairlead.__version__ == importlib.metadata.version("fairlead")
