"""`drill-bridge` and `drill-controller`; `python -m device bridge ...` and `... controller ...`."""

import sys

from host.start import start

PROGRAMS = ("bridge", "controller")


def bridge() -> None:
    """Run `drill-bridge`."""
    start("drill-bridge", "device.cli", "bridge", extra="bridge")


def controller() -> None:
    """Run `drill-controller`."""
    start("drill-controller", "device.cli", "controller", extra="bridge")


def main() -> None:
    """Run the one that the first argument names."""
    if len(sys.argv) < 2 or sys.argv[1] not in PROGRAMS:
        sys.stderr.write("device: which one? python -m device bridge, or controller, and options\n")
        sys.exit(2)
    program = sys.argv.pop(1)
    start(f"drill-{program}", "device.cli", program, extra="bridge")


if __name__ == "__main__":
    main()
