"""The oracle: what an edge box runs. It meters samples, signs readings, carries them to the chain,
and leases a drill's start while its rental has credit.

    broker -> intake -> meter, journal -> core -> leasing, readings -> broker
                                               -> settling -> chain

`core` is the edge side's step, `chain_side` the chain's, `run` builds both from `settings`.
Decisions are pure functions of values; clock, chain, broker, store and keys are passed in
(`ports`).
"""
