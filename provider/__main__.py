"""`drill-provider`; `python -m provider` is the same."""

from host.start import start


def main() -> None:
    """Run the command line."""
    start("drill-provider", "provider.cli", "app", extra="provider")


if __name__ == "__main__":
    main()
