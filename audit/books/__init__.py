"""The books: the contract's state by the auditor's own arithmetic, out of events alone.

    ledger -> replay_* -> books -> expect -> compare

`arithmetic` prices registers, `settlements` and `signatures` hold each settled reading against
what was signed, and `code` says whether the contract is the published one. None of it is shared
with the oracle: that is what an auditor is for.
"""
