"""Measurements whose figures are committed in docs/, one module a subject.

    gas, functions, largest, size -> figures -> docs/gas.json
    ingest (ingest_box), latency, audit, keys, soak (soak_*) -> tables, and JSON for programs

`python -m lab.bench SUBJECT` is `scripts/bench`; `mqtt` publishes faster than a client library.
"""
