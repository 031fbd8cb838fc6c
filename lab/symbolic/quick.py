"""The checks that `--quick` runs: those that take seconds."""

from __future__ import annotations

QUICK = frozenset(
    {
        "check_announce_bond_release",
        "check_charge__is_the_formula",
        "check_charge__rises",
        "check_deposit__native",
        "check_post_bond",
        "check_product__is_small",
        "check_release_bond",
        "check_withdraw__native",
    }
)
