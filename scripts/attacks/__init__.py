"""Attacks on the contract: everything that tries to take money it should not get."""
