"""From usage to money: which readings are due, under which signature they go, and what became of
them.

    settlement_policy -> batch -> settlement -> (outbox) -> submit -> closing

`gas_key` says how long the money for transactions lasts.
"""
