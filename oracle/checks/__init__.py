"""`drill-oracle check`: all that `run` needs, looked at without changing anything."""
