"""What the auditor asks of a node, and how far it is believed.

    rpc -> fetch -> logs -> decode, calldata;   completeness: what the node may have left out

Nothing here knows a bill. `values` reads an answer's fields, `asset` what amounts
are paid in.
"""
