"""The checks that `--quick` runs: those that take seconds."""

from __future__ import annotations

QUICK = frozenset({"check_deposit__native", "check_withdraw__native"})
