"""The provider's side: what is deployed, the files of a box, and the commands on the contract.

It may use `protocol` and `host` and nothing else of ours.
"""
