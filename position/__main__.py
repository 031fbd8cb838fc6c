"""`drill-position`; `python -m position` is the same."""

from host.start import start


def main() -> None:
    """Run the command line."""
    start("drill-position", "position.cli", "app", extra="position")


if __name__ == "__main__":
    main()
