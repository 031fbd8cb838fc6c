"""`python -m oracle` is `drill-oracle`."""

from oracle.cli import app

app()
