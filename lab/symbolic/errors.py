"""What can go wrong before a check has run."""

from __future__ import annotations


class SymbolicError(Exception):
    """The tools or the inputs are not as they must be; the message says what to do."""
