"""`drill-oracle`; `python -m oracle` is the same."""

from host.start import start


def main() -> None:
    """Run the command line."""
    start("drill-oracle", "oracle.cli", "app", extra="oracle")


if __name__ == "__main__":
    main()
