"""The auditor: replays events, recomputes every bill, and compares with the chain."""
