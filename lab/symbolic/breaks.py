"""Bugs to plant in copies of the contract: each must be found by the check that it names.

A lemma is about no contract; what is planted for it is a flaw in what it says itself.
"""

from __future__ import annotations

import shutil
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from lab.rig.contract import SOURCES
from lab.rig.services import ROOT
from lab.symbolic.build import CHECKS
from lab.symbolic.errors import SymbolicError

FORWARDER = "contracts/modules/forwarder.vy"
VAULT = "contracts/modules/vault.vy"
RENTALS = "contracts/modules/rentals.vy"
LIMITS = "contracts/modules/limits.vy"
BONDS = "contracts/modules/bonds.vy"
METER = "contracts/modules/meter.vy"
KEYS = "contracts/modules/keys.vy"
SETTLEMENT = "contracts/modules/settlement.vy"
MAIN = "contracts/DrillMeter.vy"
ARITHMETIC = "tests/lab/symbolic/Arithmetic.sol"


@dataclass(frozen=True, slots=True)
class Break:
    """`old`, standing once in `file`, becomes `new`; `check` must fail for it."""

    check: str
    what: str
    file: str
    old: str
    new: str


BREAKS: tuple[Break, ...] = (
    Break(
        "check_deposit__native",
        "a deposit is credited to the sender and not to the named account",
        VAULT,
        "self._credit(account, payer, amount)",
        "self._credit(payer, payer, amount)",
    ),
    Break(
        "check_withdraw__native",
        "a withdrawal leaves the account as it was",
        VAULT,
        "self.accounts[account] = available - amount",
        "self.accounts[account] = available",
    ),
    Break(
        "check_deposit__token",
        "a token may deliver less than it was asked for",
        VAULT,
        "amount > 0 and after == before + amount",
        "amount > 0 and after <= before + amount",
    ),
    Break(
        "check_deposit_with_permit",
        "a deposit fills the hole left by tokens that vanished",
        VAULT,
        "after >= self.held",
        "after > 0",
    ),
    Break(
        "check_deposit_with_authorization",
        "a deposit by authorisation is credited to whoever sends it",
        VAULT,
        "self._credit(customer, customer, amount)",
        "self._credit(msg.sender, customer, amount)",
    ),
    Break(
        "check_withdraw__token",
        "a token may take a fee on top of a payment",
        VAULT,
        "self._tokens() + amount == before",
        "self._tokens() <= before",
    ),
    Break(
        "check_coins__refused",
        "coins enter a contract for tokens with a top-up",
        VAULT,
        'checks._require(self._is_native(), "vault: takes tokens, not coins")',
        "pass",
    ),
    Break(
        "check_open_rental",
        "opening does not take the reserve from the account",
        RENTALS,
        "customer: address = vault._debit(reserve)",
        "customer: address = vault._debit(0)",
    ),
    Break(
        "check_open_rental",
        "the meter of a new rental starts a second early",
        RENTALS,
        "meter._opening(block.timestamp)",
        "meter._opening(block.timestamp - 1)",
    ),
    Break(
        "check_top_up",
        "a top-up is taken from the account and not added to the rental",
        RENTALS,
        "terms.funded += amount",
        "pass",
    ),
    Break(
        "check_end_rental",
        "anybody ends a rental",
        RENTALS,
        "or by == self.operator",
        "or by != self.operator",
    ),
    Break(
        "check_end_rental",
        "the provider ends rentals by order",
        MAIN,
        "msg.sender == ownable.owner, rental)",
        "forwarder._sender() == ownable.owner, rental)",
    ),
    Break(
        "check_withdraw__native",
        "anybody is believed about who has called",
        FORWARDER,
        "msg.sender == FORWARDER:",
        "msg.sender != empty(address):",
    ),
    Break(
        "check_close_rental",
        "closing books as revenue what was collected before",
        RENTALS,
        "self.revenue += earned - party.collected",
        "self.revenue += earned",
    ),
    Break(
        "check_settle__open",
        "a reading may be dated in the future",
        SETTLEMENT,
        "until > unsafe_mul(block.timestamp, 1000)",
        "until > unsafe_mul(block.timestamp, 2000)",
    ),
    Break(
        "check_settle__ended",
        "the refund at closing is all that was funded",
        RENTALS,
        "refund: uint256 = terms.funded - earned",
        "refund: uint256 = terms.funded",
    ),
    Break(
        "check_settle__ended_capped",
        "the refund at closing is reckoned without the caps",
        RENTALS,
        "    refund: uint256 = terms.funded - earned",
        "    earned = min(self._charge(rental, terms), terms.funded)\n"
        "    refund: uint256 = terms.funded - earned",
    ),
    Break(
        "check_settle__closed",
        "a closed rental is settled on",
        SETTLEMENT,
        "elif terms.closed:",
        "elif terms.closed and until == 0:",
    ),
    Break(
        "check_settle__open_after_another",
        "the rates of the first tariff are kept for every other",
        MAIN,
        "if terms.tariff != tariff:",
        "if tariff == 0:",
    ),
    Break(
        "check_settle__ended_after_another",
        "the customer is refunded twice",
        RENTALS,
        "vault.accounts[party.customer] += refund",
        "vault.accounts[party.customer] += 2 * refund",
    ),
    Break(
        "check_settle__closed_after_another",
        "a reading of no rental is settled",
        SETTLEMENT,
        "if terms.oracle != oracle:",
        "if terms.oracle != oracle and terms.oracle != 0:",
    ),
    Break(
        "check_settle__open_in_second_batch",
        "every batch settles the first readings again",
        MAIN,
        "readings[first + i]\n            terms",
        "readings[i]\n            terms",
    ),
    Break(
        "check_settle__ended_in_second_batch",
        "the first signer's word counts for all batches",
        MAIN,
        "settlement._settle(reading, signature.oracle, terms, rates)",
        "settlement._settle(reading, signatures[0].oracle, terms, rates)",
    ),
    Break(
        "check_settle__closed_in_second_batch",
        "a closed rental is settled on",
        SETTLEMENT,
        "elif terms.closed:",
        "elif terms.closed and until == 0:",
    ),
    Break(
        "check_settle__unsigned",
        "a P-256 signature counts whatever the precompile answers",
        KEYS,
        "return done and len(answer) == 32 and convert(answer, uint256) == 1",
        "return done and len(answer) == 32",
    ),
    Break(
        "check_settle__unsigned_second_batch",
        "only the first batch needs a signature",
        MAIN,
        "if not signed:",
        "if not signed and first == 0:",
    ),
    Break(
        "check_dispute__unsigned",
        "any secp256k1 signature by anybody counts",
        KEYS,
        "return key == ecrecover(",
        "return empty(address) != ecrecover(",
    ),
    Break(
        "check_dispute",
        "a dispute pays without drawing on the bond",
        BONDS,
        "self.posted -= drawn",
        "self.posted -= 0",
    ),
    Break(
        "check_dispute__not_closed",
        "a dispute pays out of the revenue and leaves it there",
        RENTALS,
        "self.revenue -= given",
        "self.revenue -= 0",
    ),
    Break(
        "check_collect",
        "what was collected from a rental is not remembered",
        RENTALS,
        "return self._log_collected(rental, to, earned - party.collected)",
        "return self._log_collected(rental, to, earned)",
    ),
    Break(
        "check_collect__the_same_twice",
        "a rental pays as often as it is named",
        RENTALS,
        "        return 0\n    self.parties[rental] = packing._pack_party(\n"
        "        packing.Party(customer=party.customer, collected=earned)",
        "        return 0\n    self.parties[rental] = packing._pack_party(\n"
        "        packing.Party(customer=party.customer, collected=party.collected)",
    ),
    Break(
        "check_post_bond",
        "the bond is not counted in what is held",
        BONDS,
        "vault.held += amount",
        "vault.held += 0",
    ),
    Break(
        "check_announce_bond_release",
        "the bond is released without notice",
        BONDS,
        "self.releasable_at = block.timestamp + notice",
        "self.releasable_at = block.timestamp",
    ),
    Break(
        "check_release_bond",
        "the notice need not have passed",
        BONDS,
        "block.timestamp >= self.releasable_at,",
        "block.timestamp >= 0,",
    ),
    Break(
        "check_access",
        "anybody releases the bond",
        MAIN,
        "ownable._check_owner()\n    bonds._release(to)",
        "bonds._release(to)",
    ),
    Break(
        "check_charge__is_the_formula",
        "revolutions at level 3 are charged at the price of level 2",
        METER,
        "unsafe_mul(meter >> 222, t.price_per_1000_revolutions_3)",
        "unsafe_mul(meter >> 222, t.price_per_1000_revolutions_2)",
    ),
    Break(
        "check_charge__rises",
        "the products may be of any size",
        ARITHMETIC,
        "            vm.assume((low | step | high) >> 107 == 0);\n",
        "",
    ),
    Break(
        "check_product__is_small",
        "prices of 65 bits",
        ARITHMETIC,
        "(x & U43) * (p & U64)",
        "(x & U43) * (p & (2 * U64 + 1))",
    ),
    Break(
        "check_balance__is_what_is_not_owed",
        "the hourly cap starts without its first hour",
        LIMITS,
        "terms.opened_at * 1000 + MS_PER_HOUR)",
        "terms.opened_at * 1000)",
    ),
)

QUICK_BREAKS = BREAKS[:2]


def require_break_for_each(checks: Iterable[str]) -> None:
    """Raises SymbolicError unless each check has a bug to find, and each bug a check."""
    wanted = {planted.check for planted in BREAKS}
    if odd := wanted ^ set(checks):
        raise SymbolicError(f"there is a check without a break, or the reverse: {sorted(odd)}")


def broken_copy(folder: Path, planted: Break) -> None:
    """Copy contracts/ and tests/lab/symbolic/ into `folder` with one bug in them.

    Raises SymbolicError unless the text to break stands there exactly once.
    """
    for original in (SOURCES, CHECKS):
        shutil.copytree(original, folder / original.relative_to(ROOT))
    file = folder / planted.file
    source = file.read_text(encoding="ascii")
    if (times := source.count(planted.old)) != 1:
        raise SymbolicError(
            f"{planted.file} has {times} times {planted.old!r}, which the break "
            f"{planted.what!r} replaces; adapt it in lab/symbolic/breaks.py"
        )
    file.write_text(source.replace(planted.old, planted.new), encoding="ascii")
