"""From usage to money: which readings are due, under which signature they go, and what became of
them.

    settlement_policy -> batch -> settlement -> (journal) -> submit -> (chain)

`outbox` says what the chain has made of signed batches, `closing` closes rentals whose last reading
can settle no more. `gas_key` says how long the money for transactions lasts, and `settled_watch`
whether another oracle settles with this one's key.
"""
