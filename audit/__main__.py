"""`python -m audit` is `drill-audit`."""

from audit.cli import app

app()
