"""Work in a fork: it begins where the parent is, and cannot harm it."""

from __future__ import annotations

import gc
import json
import os
import resource
import sys
from collections.abc import Callable
from typing import Any

Say = Callable[..., None]


def forked(work: Callable[[Say], None], cpu_seconds: int | None = None) -> tuple[int, int]:
    """Start work in a fork; returns where to read what it says, and its process.

    A fork that uses more than `cpu_seconds` of the processor is ended by SIGXCPU.
    """
    reading, writing = os.pipe()
    sys.stdout.flush()
    process = os.fork()
    if process:
        os.close(writing)
        return reading, process
    status = 1
    try:
        gc.disable()
        if cpu_seconds is not None:
            hard = resource.getrlimit(resource.RLIMIT_CPU)[1]
            resource.setrlimit(resource.RLIMIT_CPU, (cpu_seconds, hard))
        nothing = os.open(os.devnull, os.O_RDWR)
        for stream in (0, 1):
            os.dup2(nothing, stream)
        work(lambda **said: _say(writing, said))
        status = 0
    finally:
        os._exit(status)


def _say(pipe: int, said: dict[str, Any]) -> None:
    line = (json.dumps(said) + "\n").encode()
    while line:
        line = line[os.write(pipe, line) :]


def first_answer(work: Callable[[Say], None]) -> dict[str, Any]:
    """Do something in a fork and return the first thing that it says."""
    reading, process = forked(work)
    with os.fdopen(reading, "rb") as pipe:
        said = pipe.readline()
    os.waitpid(process, 0)
    answer: dict[str, Any] = json.loads(said or b"{}")
    return answer
