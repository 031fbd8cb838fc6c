"""The auditor: replays events, recomputes every bill, and compares with the chain.

node -> books, samples -> run -> result -> report, bill;   proof stands by itself
"""
