"""The auditor: replays events, recomputes every bill, and compares with the chain.

    node -> books, samples -> run -> result -> report, bill -> document

`order` says what is audited, `subject` finds it on the chain, `replay` sends each event to the
handlers in `books`, `state` and `checkpoints` let an audit go on where it ended. `findings` are
what may come of it. `proof` stands by itself: it shows a part to somebody who has no node.
`deployed` is the published code that a contract is held against; `cli` and its neighbours are
`drill-audit`.
"""
