"""Packages of others that a program needs and that were not installed with it.

`pip install smart-drill` brings what all programs need, an extra of it what one role needs on top;
pyproject.toml lists them. A program without its extra says so in one line, with the command.
"""

from __future__ import annotations

import sys
from collections.abc import Iterator
from contextlib import contextmanager

from host.errors import MissingPackageError

OURS = frozenset(
    {"protocol", "host", "chain", "device", "oracle", "live", "provider", "audit", "condition"}
)


def install_command(extra: str) -> str:
    """What to type to have an extra of smart-drill beside the program that runs."""
    return f"{sys.executable} -m pip install 'smart-drill[{extra}]'"


def told_as_missing(error: ModuleNotFoundError, extra: str) -> str:
    """What is not installed, and the command that installs it.

    Raises the error again where a module of ours or of Python itself is missing: no extra has that.
    """
    package = (error.name or "").partition(".")[0]
    if not package or package in OURS or package in sys.stdlib_module_names:
        raise error
    return f"the Python package {package} is not installed; type: {install_command(extra)}"


@contextmanager
def needing(extra: str) -> Iterator[None]:
    """Around an import that is made only when it is needed: raises MissingPackageError."""
    try:
        yield
    except ModuleNotFoundError as error:
        raise MissingPackageError(told_as_missing(error, extra)) from error
