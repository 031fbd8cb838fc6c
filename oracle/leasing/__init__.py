"""Whether a drill may start, and telling it: decision, lease or inhibit, message.

    lease_policy -> leasing -> publish -> (broker)

`dues` says for how long a rental's own settlement has waited, and `theft` which drills are reported
stolen; the decision counts both.
"""
