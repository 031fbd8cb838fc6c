"""The drill's side: `bridge` between its serial line and the broker, and `drill`, a simulated one.

    drill -> (serial line) -> bridge -> (broker)      samples; leases go the other way

Both speak `protocol.serial`; `drill` knows nothing of `bridge`. `cli` is both their command lines.
"""
