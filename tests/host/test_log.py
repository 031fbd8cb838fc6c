"""A log that cannot be written: lines are dropped and counted, and nothing ends because of it."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest
from small_disk import small_disk

from host.log import LineWriter


def test_write__nobody_reads__counts_and_says_so_when_somebody_does() -> None:
    reader, writer = os.pipe()
    os.set_blocking(writer, False)
    log = LineWriter(writer)
    filled = os.write(writer, b"x" * 1_000_000)
    log.write("one")
    log.info("two")
    assert os.read(reader, 2_000_000) == b"x" * filled
    log.write("three")
    log.write("four")
    first, *rest = os.read(reader, 100_000).decode().splitlines()
    assert json.loads(first) == {"event": "log lines lost", "level": "warning", "lost": 2}
    assert rest == ["three", "four"]
    os.close(reader)
    log.write("five")  # EPIPE
    os.close(writer)


def test_write__line_cut_short_by_a_full_disk__the_next_one_begins_anew(tmp_path: Path) -> None:
    with small_disk(tmp_path / "disk", 1_000_000) as disk:
        file = (disk / "log").open("ab")
        log = LineWriter(file.fileno())
        for number in range(400):
            log.write(f"{number:04} " + "y" * 5_000)
        file.truncate(100_000)
        file.seek(0, os.SEEK_END)
        log.write("after")
        *_, cut, lost, after = (disk / "log").read_text().splitlines()
        file.close()
    assert cut.startswith("00")
    assert json.loads(lost)["lost"] > 100
    assert after == "after"


@pytest.mark.parametrize("stderr", ["/dev/full", "/dev/null"])
def test_configure_logs__stderr_is_full__the_program_goes_on(stderr: str) -> None:
    program = (
        "import structlog; from host.log import configure_logs; configure_logs()\n"
        "for _ in range(10_000): structlog.get_logger().info('something', value='x' * 100)\n"
        "print('done')"
    )
    with Path(stderr).open("wb") as full:
        done = subprocess.run(
            [sys.executable, "-c", program], stdout=subprocess.PIPE, stderr=full, check=True
        )
    assert done.stdout == b"done\n"


def test_configure_logs__stderr_is_closed__the_program_goes_on() -> None:
    program = (
        "import structlog; from host.log import configure_logs; configure_logs()\n"
        "structlog.get_logger().info('something'); print('done')"
    )
    line = f'exec {sys.executable} -c "$0" 2>&-'
    done = subprocess.run(["/bin/sh", "-c", line, program], stdout=subprocess.PIPE, check=True)
    assert done.stdout == b"done\n"
