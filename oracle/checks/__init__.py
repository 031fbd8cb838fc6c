"""`drill-oracle check`: all that `run` needs, looked at without changing anything.

    journal_check, endpoint_check, deployment_check -> check -> (host.checks)

`check` puts the steps in order and adds those on settings, keys and broker.
"""
