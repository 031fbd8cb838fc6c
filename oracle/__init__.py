"""The oracle: what an edge box runs. It meters samples, signs readings, carries them to the chain,
and leases a drill's start while its rental has credit.

    (broker) -> intake -> meter, journal -> core -> leasing, readings -> (broker)
                                            core -> settling -> chain_side -> (chain)
                                                    samples -> published files

`core` is the edge side's step, `chain_side` the chain's, `run` builds both from `settings`;
`signing` holds the keys, `endpoints` names the chain's nodes, `checks` is `drill-oracle check`.
Decisions are pure functions of values; clock, chain, broker, store and keys are passed in
(`ports`).
"""
