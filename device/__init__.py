"""The drill's side: `bridge` between its serial line and the broker, and `drill`, a simulated one.

Both speak `serial`, and neither imports the other's processes.
"""
