"""Whether a drill may start, and telling it: decision, lease or inhibit, message.

lease_policy -> leasing -> publish
"""
