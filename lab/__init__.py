"""The laboratory: what tries the product, and is never installed with it.

rig        a chain, brokers, boxes and drills as real processes; the demo, and what is generated
simulation whole rentals in a world made of one seed
chaos      the same faults on real processes
fuzzing    every call of the contract at random, against books kept another way
symbolic   proofs about the contract's bytecode
mutation   the contract broken in every small way
malformed  frames and messages by the million
lying_node a node that lies to the auditor, field by field
fresh      a box as a provider makes it, installed in a new Debian root
bench      figures that docs/ quotes
"""
