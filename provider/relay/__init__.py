"""`drill-provider relay`: sends what customers without coins for gas have signed, and pays for it.

    (browsers) -> service -> counter -> book;   counter -> chain.transact -> sending_chain -> (node)

`book` keeps every order and transaction, durable before anything is broadcast; `limits` says who
may send how much. The relay can refuse an order or delay it until its deadline, and nothing else:
what it sends is checked by the contract, whoever sends it.
"""
