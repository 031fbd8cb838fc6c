"""Mutation testing of the Vyper sources: break the contract in every small way, see a test fail."""
