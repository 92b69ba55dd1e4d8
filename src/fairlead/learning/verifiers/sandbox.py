"""Runs a command that nobody vouches for: bounded in time, memory and files, without a network where that can be.

    limits       CPU seconds, memory, size of a file, processes, open files     (POSIX)
    namespaces   no network, no other processes                                 (Linux, where users may)
    Landlock     reads programs and libraries, writes its own folder alone      (Linux 5.13 or later)

This file is also the program that the command is started by: it puts the limits on itself and becomes the command. It
imports the standard library only, and holds no secret: the environment is made anew.
"""

from __future__ import annotations

import ctypes
import json
import os
import signal
import subprocess
import sys
import tempfile
from contextlib import suppress
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Sequence

_NEW_USER, _NEW_NET, _NEW_PID, _NEW_IPC = 0x10000000, 0x40000000, 0x20000000, 0x08000000
_CREATE_RULESET, _ADD_RULE, _RESTRICT_SELF = 444, 445, 446
_NO_NEW_PRIVS, _PARENT_DEATH_SIGNAL = 38, 1
_EXECUTE, _READ_FILE, _READ_DIR = 1, 1 << 2, 1 << 3
_ALL_FILE_RIGHTS = (1 << 13) - 1
"""Those of Landlock's first version, which every later one knows."""
_READABLE = ("/usr", "/bin", "/lib", "/lib64", "/etc/alternatives", "/etc/ld.so.cache", "/etc/localtime", "/opt")
_DEVICES = ("/dev/null", "/dev/urandom", "/dev/zero")
FAILED_TO_START = 125
"""Exit code of this program where the command could not be started as it should."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Bounds:
    """What a command may use."""

    time_s: float = 10.0
    """By the clock on the wall, and of the processor."""
    memory_mb: int = 512
    file_mb: int = 16
    """The largest file that it may write."""
    processes: int = 64
    files: int = 128
    isolation: str = "required"
    """`required`: not run where network and files cannot be shut off; `where_possible`: run all the same."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Ran:
    """How a command ended."""

    started: bool
    passed: bool
    timed_out: bool = False


def run(command: Sequence[str], folder: Path, bounds: Bounds) -> Ran:
    """Runs a command in a folder of its own; what it prints is dropped.

    Args:
        command: program and arguments; the program is looked for in the usual places.
        folder: where it starts, and all that it may write.
        bounds: what it may use.
    """
    ours = [sys.prefix, sys.base_prefix]  # the interpreter's own folders: a command may well be Python
    launcher = [sys.executable, "-I", "-S", __file__, json.dumps(asdict(bounds)), json.dumps(ours), *command]
    process = subprocess.Popen(  # noqa: S603 - the route's own command, inside all these limits
        launcher,
        cwd=folder,
        env=_environment(folder),
        start_new_session=True,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    try:
        code = process.wait(bounds.time_s)
    except subprocess.TimeoutExpired:
        return Ran(started=True, passed=False, timed_out=True)
    finally:
        _end(process)
    return Ran(started=code != FAILED_TO_START, passed=code == 0)


def isolates() -> bool:
    """Says whether this system can shut off network and files, by trying it."""
    if sys.platform != "linux":
        return False
    with tempfile.TemporaryDirectory(prefix="fairlead-") as folder:
        return run(["true"], Path(folder), Bounds()).started


def _end(process: subprocess.Popen[bytes]) -> None:
    """Ends the command and all that it started."""
    with suppress(ProcessLookupError):
        os.killpg(process.pid, signal.SIGKILL)
    process.wait()


def _environment(folder: Path) -> dict[str, str]:
    here = os.path.dirname(sys.executable)  # noqa: PTH120 - pathlib takes half of this program's time
    path = os.pathsep.join([here, "/usr/local/bin", "/usr/bin", "/bin"])
    return {"PATH": path, "HOME": str(folder), "TMPDIR": str(folder), "LANG": "C.UTF-8", "PYTHONDONTWRITEBYTECODE": "1"}


# In the process that becomes the command ------------------------------------------------------------------------------


def _become(bounds: Bounds, readable: Sequence[str], command: Sequence[str]) -> None:
    libc = ctypes.CDLL(None, use_errno=True)
    alone = _without_network(libc)
    libc.prctl(_PARENT_DEATH_SIGNAL, signal.SIGKILL)
    if alone:
        _as_first_process(libc)  # of a namespace of processes: when it ends, all of them do
    _limit(bounds, alone=alone)
    shut = _shut_files(libc, readable)
    if bounds.isolation == "required" and not (alone and shut):
        os._exit(FAILED_TO_START)
    try:
        os.execvp(command[0], list(command))  # noqa: S606 - no shell is wanted
    except OSError:
        os._exit(FAILED_TO_START)


def _without_network(libc: ctypes.CDLL) -> bool:
    user, group = os.getuid(), os.getgid()
    if libc.unshare(_NEW_USER | _NEW_NET | _NEW_PID | _NEW_IPC) != 0:
        return False
    for name, text in (("setgroups", "deny"), ("uid_map", f"{user} {user} 1"), ("gid_map", f"{group} {group} 1")):
        try:
            with open(f"/proc/self/{name}", "w", encoding="ascii") as file:  # noqa: PTH123 - as above
                file.write(text)
        except OSError:
            return False
    return True


def _as_first_process(libc: ctypes.CDLL) -> None:
    """Goes on in a child; the parent waits for it and ends as it does."""
    child = os.fork()
    if child:
        _, status = os.waitpid(child, 0)
        os._exit(os.waitstatus_to_exitcode(status) & 0xFF)
    libc.prctl(_PARENT_DEATH_SIGNAL, signal.SIGKILL)


def _limit(bounds: Bounds, *, alone: bool) -> None:
    import resource  # noqa: PLC0415 - not on Windows

    mega = 1024 * 1024
    limits = {
        resource.RLIMIT_CPU: int(bounds.time_s) + 1,
        resource.RLIMIT_AS: bounds.memory_mb * mega,
        resource.RLIMIT_FSIZE: bounds.file_mb * mega,
        resource.RLIMIT_NOFILE: bounds.files,
        resource.RLIMIT_CORE: 0,
    }
    if alone:  # elsewhere the other processes of this user count as well
        limits[resource.RLIMIT_NPROC] = bounds.processes
    for what, most in limits.items():
        _, hard = resource.getrlimit(what)
        most = most if hard == resource.RLIM_INFINITY else min(most, hard)  # noqa: PLW2901
        resource.setrlimit(what, (most, most))


def _shut_files(libc: ctypes.CDLL, readable: Sequence[str]) -> bool:
    """Leaves programs and libraries to read, the working folder to write, and nothing else."""
    if sys.platform != "linux" or libc.syscall(_CREATE_RULESET, None, ctypes.c_size_t(0), 1) < 1:
        return False
    rights = ctypes.c_uint64(_ALL_FILE_RIGHTS)
    ruleset = libc.syscall(_CREATE_RULESET, ctypes.byref(rights), ctypes.c_size_t(8), 0)
    read = _EXECUTE | _READ_FILE | _READ_DIR
    for path in {*_READABLE, *readable}:
        _allow(libc, ruleset, path, read)
    for path in _DEVICES:
        _allow(libc, ruleset, path, _READ_FILE | 1 << 1)
    _allow(libc, ruleset, os.getcwd(), _ALL_FILE_RIGHTS)  # noqa: PTH109
    libc.prctl(_NO_NEW_PRIVS, 1, 0, 0, 0)
    return bool(libc.syscall(_RESTRICT_SELF, ruleset, 0) == 0)


class _Beneath(ctypes.Structure):
    """`struct landlock_path_beneath_attr`."""

    _pack_ = 1
    _layout_ = "ms"
    _fields_ = (("allowed", ctypes.c_uint64), ("parent", ctypes.c_int32))


def _allow(libc: ctypes.CDLL, ruleset: int, path: str, rights: int) -> None:
    try:
        place = os.open(path, os.O_PATH | os.O_CLOEXEC)
    except OSError:
        return  # it is not there: nothing to allow
    rule = _Beneath(rights, place)
    libc.syscall(_ADD_RULE, ruleset, 1, ctypes.byref(rule), 0)
    os.close(place)


if __name__ == "__main__":
    _become(Bounds(**json.loads(sys.argv[1])), json.loads(sys.argv[2]), sys.argv[3:])
