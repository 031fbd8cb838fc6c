"""The faults of the simulation for real, in smaller number: processes, SIGKILL, a node, a broker.

proxy   stands between the box and its endpoint or its broker, and does what networks do
yard    chain, broker, contract, drills with their bridges, one oracle
stage   what a rental and the oracle are at when something is killed
story   who is killed when, while drills are drilling and rentals are settled
verdict what was lost, billed twice or reverted, by the journal and the chain
"""
