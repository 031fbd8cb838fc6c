"""Deterministic simulation of whole rentals: the real edge code, in a world made of one seed.

chance     the seed's dice, what happened how often, and the fuses that kill a process
chain      blocks, forks, a mempool; the contract's real bytecode says what transactions do
endpoint   what an RPC endpoint answers of it, when it answers
ledger     the tries, receipts and header hashes that a node can prove of it
fork       a chain of a liar's own making
node       a node behind one of several endpoints: JSON-RPC, honest or lying
quorum     the daemon's own quorum over such nodes
broker     a broker that loses, repeats, delays and forgets
line       a serial line with noise on it, that can be pulled out
store      the oracle's and the bridge's databases, full, failing, slow, or cut off
box        the edge box: oracle and bridges as they are started in production, killed and restarted
drill      a drill with its operator; what it really did is recorded here
customer   who opens, tops up, ends and withdraws
trouble    which fault strikes when
lies       which lie is told when
world      all of it, tick by tick
truth      what really happened, kept apart from all that is tested
meter      registers and bill of what really happened, in arithmetic of its own
bills      what each rental must come to
leases     what leases and strokes may rest on
promises   what else must hold of it
campaign   worlds by seed
report     counts, and whether anything was idle
"""
