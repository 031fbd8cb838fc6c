"""`drill-http`; `python -m live` is the same."""

from host.start import start


def main() -> None:
    """Run the command line."""
    start("drill-http", "live.cli", "app", extra="http")


if __name__ == "__main__":
    main()
