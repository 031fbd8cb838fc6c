"""`drill-http`; `python -m live` is the same."""

from host.start import start


def main() -> None:
    """Run the command line."""
    start("live.cli", "app")


if __name__ == "__main__":
    main()
