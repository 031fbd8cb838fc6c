"""The oracle: what an edge box runs. It meters samples, signs readings, carries them to the chain,
and leases a drill's start while its rental has credit.

Decisions are pure functions of values; only `ingest`, `journal`, `chain`, `sign` and `run` touch
the world, and everything that does is passed in.
"""
