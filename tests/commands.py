"""The command line, run in this process: what it prints goes where `capsys` reads it."""

import pytest

from fairlead.cli.main import main


def run(*words):
    """Returns the exit code of `fairlead WORDS`."""
    with pytest.raises(SystemExit) as stopped:
        main([*map(str, words)])
    return stopped.value.code
