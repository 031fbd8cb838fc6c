"""`python -m audit` is `drill-audit`."""

from __future__ import annotations

from typing import Any

from host.exit_status import run_command


def main() -> None:
    """Run the command line; 1 is the exit status of findings and of nothing else."""
    run_command("drill-audit", _load, extra="audit")


def _load() -> Any:
    from audit.cli import app  # noqa: PLC0415  within reach of Ctrl-C, and of what breaks in it

    return app


if __name__ == "__main__":
    main()
