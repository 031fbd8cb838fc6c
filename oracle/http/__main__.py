"""`python -m oracle.http` is `drill-http`."""

from oracle.http.cli import app

app()
