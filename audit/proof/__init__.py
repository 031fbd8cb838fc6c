"""Inclusion proofs: that a minute of drilling is under a root on the chain.

    prove -> proof_file -> verify -> proof_text

`inclusion` is what a proof is checked with; `verify` asks nobody.
"""
