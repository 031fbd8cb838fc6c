"""`drill-condition`; `python -m condition` is the same."""

from host.start import start


def main() -> None:
    """Run the command line."""
    start("drill-condition", "condition.cli", "app", extra="condition")


if __name__ == "__main__":
    main()
