"""Mutation testing of the Vyper sources: break the contract in every small way, see a test fail.

    mutants -> compiler -> campaign (order, forks) -> verdicts -> report

`order` says which tests a mutant meets first, `forks` keeps one from harming the next, `verdicts`
are kept in a file, and explained.toml says why each survivor may survive.
"""
