"""A PostgreSQL server of its own for the tests, in a new folder, on a Unix socket."""

from __future__ import annotations

import os
import pwd
import secrets
import shutil
import signal
import subprocess
import tempfile
from pathlib import Path
from typing import Self

from lab.rig.errors import RigError
from lab.rig.process import Daemon, wait_until

USER = "drill"
START_SECONDS = 600
"""After a crash the server first syncs each file of its data, which takes a busy disk long."""


def find_programs() -> Path:
    """The folder of the newest server's programs; raises RigError where there is none."""
    folders = sorted(Path("/usr/lib/postgresql").glob("*/bin"), key=lambda one: one.parts[-2])
    for folder in reversed(folders):
        if (folder / "initdb").exists():
            return folder
    raise RigError("PostgreSQL is not installed; run scripts/setup --with-debian")


class Postgres:
    """Use it in a `with` statement. The server does not run as root, so that root becomes
    `postgres` for it."""

    def __init__(self) -> None:
        self._programs = find_programs()
        self.folder = Path(tempfile.mkdtemp(prefix="sd-pg-"))
        self.password = secrets.token_hex(16)
        self.password_file = self.folder / "password"
        self.password_file.write_text(self.password + "\n")
        self._as: list[str] = []
        if os.geteuid() == 0:
            owner = pwd.getpwnam("postgres")
            os.chown(self.folder, owner.pw_uid, owner.pw_gid)
            os.chown(self.password_file, owner.pw_uid, owner.pw_gid)
            self._as = ["setpriv", f"--reuid={owner.pw_uid}", f"--regid={owner.pw_gid}"]
            self._as += ["--clear-groups"]
        self.password_file.chmod(0o600)
        line: list[str | Path] = [*self._as, self._programs / "postgres", "-D"]
        line += [self.folder / "data", "-k", self.folder, "-c", "listen_addresses="]
        self.server = Daemon("postgres", line, self.folder / "log")

    def __enter__(self) -> Self:
        line = [*self._as, self._programs / "initdb", "-D", self.folder / "data", "-U", USER]
        line += ["-A", "scram-sha-256", f"--pwfile={self.password_file}", "-N", "-E", "UTF8"]
        done = subprocess.run(
            line,
            check=False,
            capture_output=True,
            text=True,
            timeout=START_SECONDS,
            cwd=self.folder,
        )
        if done.returncode != 0:
            raise RigError(f"initdb: {done.stderr}")
        self.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.stop()
        shutil.rmtree(self.folder)

    def start(self) -> None:
        """Start the server, again after a stop."""
        self.server.start()
        wait_until("PostgreSQL", self._answers, START_SECONDS, self.server)

    def stop(self) -> None:
        """Stop the server as power loss does: what was committed is in its log, or nowhere."""
        if self.server.exit_code is None:
            self.server.process.send_signal(signal.SIGQUIT)
            self.server.process.wait(START_SECONDS)

    def new_database(self) -> str:
        """The URL of a new database, without the password."""
        name = "d" + secrets.token_hex(6)
        self._psql(f"CREATE DATABASE {name}")
        return self.url(name)

    def url(self, name: str, *, password: bool = False) -> str:
        """The URL of a database."""
        secret = f":{self.password}" if password else ""
        return f"postgresql+psycopg://{USER}{secret}@/{name}?host={self.folder}"

    def _answers(self) -> bool:
        line = [self._programs / "pg_isready", "-q", "-h", self.folder]
        return subprocess.run(line, check=False, timeout=START_SECONDS).returncode == 0

    def _psql(self, statement: str) -> None:
        line = [self._programs / "psql", "-q", "-h", self.folder, "-U", USER, "-d", "postgres"]
        environment = {**os.environ, "PGPASSWORD": self.password}
        subprocess.run(
            [*line, "-c", statement],
            check=True,
            timeout=START_SECONDS,
            env=environment,
            capture_output=True,
        )
