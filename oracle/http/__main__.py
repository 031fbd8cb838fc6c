"""`drill-http`; `python -m oracle.http` is the same."""

from host.start import start


def main() -> None:
    """Run the command line."""
    start("oracle.http.cli", "app")


if __name__ == "__main__":
    main()
