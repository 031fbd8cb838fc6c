"""Looking at a chain and sending to it: what one endpoint says, what a quorum of them agrees on,
and what became of what was sent.

    node -> decode -> endpoint -> quorum_chain -> watch -> views
                                               <- transact

`node` calls one JSON-RPC node, `decode` and `contract` turn its answers into `views`, `endpoint`
checks what proves itself, `quorum_chain` asks several side by side (`pool`). `watch` follows the
blocks, `chain_clock` tells the time by them, `finality` and `deep` say which of them count,
`prover` proves them to others. `transact` sends, and `refusals` reads what a node says against it.
"""
