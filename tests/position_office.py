"""A receiver on a pseudo-terminal, and `drill-position` with its settings, for several tests."""

from __future__ import annotations

import json
import os
import sys
import threading
import tty
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from functools import reduce
from operator import xor
from pathlib import Path
from typing import Any, Self

from typer.testing import CliRunner

from lab.rig.process import Daemon
from position.cli import app

LATITUDE, LONGITUDE = 52.5217654, 13.4098765
METRE = 1 / 111_270
FENCE = f"{LATITUDE},{LONGITUDE},100"


def sentence(body: str) -> str:
    return f"${body}*{reduce(xor, body.encode()):02X}\r\n"


def minutes(degrees: float, width: int) -> str:
    whole = int(degrees)
    return f"{whole:0{width}d}{(degrees - whole) * 60:010.7f}"


def epoch(moment: datetime, north_m: float, status: str = "A", dilution: str = "0.5") -> str:
    """RMC, GGA and GSA of one moment, so many metres north of the site."""
    at = minutes(LATITUDE + north_m * METRE, 2) + ",N," + minutes(LONGITUDE, 3) + ",E"
    clock = moment.strftime("%H%M%S.") + f"{moment.microsecond // 10_000:02d}"
    quality = "1" if status == "A" else "0"
    mode = "3" if status == "A" else "1"
    return (
        sentence(f"GPRMC,{clock},{status},{at},0.0,,{moment:%d%m%y},,,A")
        + sentence(f"GPGGA,{clock},{at},{quality},08,{dilution},34.0,M,44.0,M,,")
        + sentence(f"GPGSA,A,{mode},01,02,03,04,05,06,07,08,,,,,1.0,{dilution},0.9")
    )


@dataclass
class SerialGps:
    """A receiver on a pseudo-terminal, which reports twice a second what it is told to."""

    north_m: float = 0.0
    status: str = "A"
    ahead: timedelta = timedelta()
    silent: bool = False
    _stop: threading.Event = field(default_factory=threading.Event)

    def __enter__(self) -> Self:
        self._master, self._slave = os.openpty()
        tty.setraw(self._slave)
        self.path = os.ttyname(self._slave)
        self._thread = threading.Thread(target=self._work, daemon=True)
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._stop.set()
        self._thread.join(timeout=60)
        os.close(self._master)
        os.close(self._slave)

    def _work(self) -> None:
        while not self._stop.wait(0.5):
            if not self.silent:
                moment = datetime.now(UTC) + self.ahead
                os.write(self._master, epoch(moment, self.north_m, self.status).encode())


@dataclass
class Office:
    """Settings and commands of `drill-position`, and the program while it runs."""

    folder: Path
    circle = FENCE

    @property
    def settings(self) -> Path:
        return self.folder / "position.toml"

    def write(self, receiver: str) -> None:
        for name in ("kept", "theft"):
            (self.folder / name).mkdir(parents=True)
        self.settings.write_text(
            f'folder = "{self.folder / "kept"}"\ntheft_folder = "{self.folder / "theft"}"\n'
            '[privacy]\npurpose = "to find stolen drills"\n'
            "[fence]\nstale_seconds = 4\nresting_pause_seconds = 1\n"
            f"[[drills]]\nnumber = 1\nreceiver = {receiver}\n"
        )

    def daemon(self) -> Daemon:
        line = [sys.executable, "-m", "position", "run", "--settings", self.settings]
        return Daemon("position", line, self.folder / "position.log")

    def run(self, command: str, *options: str, status: int = 0) -> str:
        line = [command, "--settings", str(self.settings), *options]
        done = CliRunner().invoke(app, line)
        assert done.exit_code == status, done.stderr
        return done.stdout if status == 0 else done.stderr

    def does(self, command: str, *options: str, status: int = 0) -> str:
        who = ["--drill", "1", "--who", "Anna", "--why", "a test"]
        return self.run(command, *who, *options, status=status)

    @property
    def seen(self) -> dict[str, Any]:
        (found,) = json.loads(self.run("status", "--json"))
        assert isinstance(found, dict)
        return found

    @property
    def entries(self) -> list[dict[str, str]]:
        found = json.loads(self.run("export", "--drill", "1", "--rental", "7"))
        entries = found["entries"]
        assert isinstance(entries, list)
        return entries

    @property
    def told(self) -> list[str]:
        return [one["what"] for one in self.entries]

    @property
    def moved(self) -> list[str]:
        words = ("found inside", "found outside", "entered", "left")
        return [one for one in self.told if one in words]


def coordinates_in(place: Path) -> list[Path]:
    """The files that hold the longitude that the receiver reports, however it is written."""
    marks = [round(LONGITUDE * 1e7).to_bytes(4, "big"), b"13.40987", b"1340987", b"1324.59"]
    paths = [place] if place.is_file() else [one for one in place.rglob("*") if one.is_file()]
    return [one for one in paths if any(mark in one.read_bytes() for mark in marks)]
