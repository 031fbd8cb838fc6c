"""Handlers: what the provider does. Tariffs, drills, oracles, keys, ownership and pausing."""

from __future__ import annotations

from eth_hash.auto import keccak

from audit.books.books import AuditedTariff, Drill, Key, Oracle
from audit.books.ledger import Entry
from audit.node.values import ZERO_ADDRESS


def _next(entry: Entry, number: int, seen: int) -> None:
    if number != seen + 1:
        entry.find("number-skipped", f"{entry.event.name} of {number} comes after {seen}")


def tariff_published(entry: Entry) -> None:
    """A new rate table."""
    number, args = entry.args["tariff"], entry.args
    _next(entry, number, max(entry.books.tariffs, default=0))
    entry.books.tariffs[number] = AuditedTariff(
        args["levels"], args["standing_price_per_second"], args["least_reserve"]
    )


def tariff_retired(entry: Entry) -> None:
    """A rate table that opens no new rental."""
    tariff = entry.books.tariffs.get(entry.args["tariff"])
    if tariff is None:
        return entry.require(False, "it was never published")
    entry.require(not tariff.retired, "for the second time")
    tariff.retired = True
    return None


def _require_offer(entry: Entry) -> None:
    """A drill is given a trusted oracle and a tariff on offer."""
    tariff = entry.books.tariffs.get(entry.args["tariff"])
    oracle = entry.books.oracles.get(entry.args["oracle"])
    if tariff is None:
        entry.find("tariff-unknown", f"{entry.event.name} at tariff {entry.args['tariff']}")
    else:
        entry.require(not tariff.retired, "its tariff is retired")
    trusted = oracle is not None and not oracle.revoked and not oracle.suspended
    entry.require(trusted, "its oracle is unknown, suspended or revoked")


def drill_listed(entry: Entry) -> None:
    """A new drill."""
    number, args = entry.args["drill"], entry.args
    _next(entry, number, max(entry.books.drills, default=0))
    _require_offer(entry)
    entry.books.drills[number] = Drill(args["oracle"], args["tariff"], args["label"])


def drill_reassigned(entry: Entry) -> None:
    """Another box or tariff for a free drill."""
    drill = _free_drill(entry)
    _require_offer(entry)
    if drill is not None:
        drill.oracle, drill.tariff = entry.args["oracle"], entry.args["tariff"]


def drill_retired(entry: Entry) -> None:
    """A drill that is offered no more."""
    drill = _free_drill(entry)
    if drill is not None:
        drill.retired = True


def _free_drill(entry: Entry) -> Drill | None:
    drill = entry.books.drills.get(entry.args["drill"])
    if drill is None:
        entry.require(False, "it was never listed")
    else:
        entry.require(drill.rental == 0 and not drill.retired, "it is rented or retired")
    return drill


def key_enrolled(entry: Entry) -> None:
    """A P-256 key that an oracle may be given."""
    key, point = entry.args["key"], (entry.args["x"], entry.args["y"])
    digest = keccak(b"".join(part.to_bytes(32, "big") for part in point))
    entry.equal("key-address-differs", "its address", key, "0x" + digest[12:].hex())
    known = entry.books.keys.setdefault(key, Key())
    entry.require(known.point is None, "the key was enrolled before")
    known.point = point


def _take(entry: Entry, key: str, oracle: int) -> None:
    """Put a key in force."""
    record = entry.books.keys.setdefault(key, Key())
    entry.require(record.oracle == 0, "its key was in force before")
    record.oracle, record.since, record.until = oracle, entry.now, 0
    stranger = entry.books.strangers.pop(key, None)
    if stranger is not None:
        entry.find(
            "reading-signed-before-registration", f"key {key} had signed {stranger} before that"
        )


def oracle_registered(entry: Entry) -> None:
    """A new box with its first key."""
    number, key = entry.args["oracle"], entry.args["key"]
    _next(entry, number, max(entry.books.oracles, default=0))
    _take(entry, key, number)
    entry.books.oracles[number] = Oracle(key)


def oracle_rotated(entry: Entry) -> None:
    """A box gets another key, which is in force at once."""
    oracle, args = _known_oracle(entry), entry.args
    if oracle is None:
        entry.books.oracles[args["oracle"]] = Oracle(args["key"], args["epoch"])
        return _take(entry, args["key"], args["oracle"])
    entry.require(not oracle.revoked, "it is revoked")
    entry.equal("epoch-skipped", "the epoch", args["epoch"], oracle.epoch + 1)
    _expire(entry, oracle)
    _take(entry, args["key"], args["oracle"])
    oracle.key, oracle.epoch, oracle.suspended = args["key"], args["epoch"], False
    return None


def oracle_revoked(entry: Entry) -> None:
    """A box that is believed no longer."""
    oracle = _known_oracle(entry)
    if oracle is not None:
        entry.require(not oracle.revoked, "for the second time")
        _expire(entry, oracle)
        oracle.revoked = True


def oracle_suspended(entry: Entry) -> None:
    """A box that was proven wrong with its present key."""
    oracle = _known_oracle(entry)
    if oracle is not None:
        entry.require(oracle.key == entry.args["key"], "with a key that is not its present one")
        oracle.suspended = True


def _known_oracle(entry: Entry) -> Oracle | None:
    oracle = entry.books.oracles.get(entry.args["oracle"])
    if oracle is None:
        entry.require(False, "it was never registered")
    return oracle


def _expire(entry: Entry, oracle: Oracle) -> None:
    record = entry.books.keys.get(oracle.key)
    if record is not None:
        record.until = entry.now


def ownership_transfer_started(entry: Entry) -> None:
    """The provider names a successor."""
    entry.books.pending_owner = entry.args["new_owner"]


def ownership_transferred(entry: Entry) -> None:
    """The successor accepts, or the contract is deployed."""
    books, args = entry.books, entry.args
    entry.require(args["previous_owner"] == books.owner, "from somebody who was not the owner")
    initial = args["previous_owner"] == ZERO_ADDRESS
    entry.require(initial or args["new_owner"] == books.pending_owner, "to nobody's successor")
    books.owner, books.pending_owner = args["new_owner"], ZERO_ADDRESS


def operator_set(entry: Entry) -> None:
    """Who may end rentals besides the owner."""
    entry.books.operator = entry.args["operator"]


def paused(entry: Entry) -> None:
    """No opening and no topping up from now on."""
    entry.require(not entry.books.paused, "while paused")
    entry.books.paused = True


def unpaused(entry: Entry) -> None:
    """Opening and topping up go on."""
    entry.require(entry.books.paused, "while not paused")
    entry.books.paused = False


HANDLERS = {
    "TariffPublished": tariff_published,
    "TariffRetired": tariff_retired,
    "DrillListed": drill_listed,
    "DrillReassigned": drill_reassigned,
    "DrillRetired": drill_retired,
    "KeyEnrolled": key_enrolled,
    "OracleRegistered": oracle_registered,
    "OracleRotated": oracle_rotated,
    "OracleRevoked": oracle_revoked,
    "OracleSuspended": oracle_suspended,
    "OwnershipTransferStarted": ownership_transfer_started,
    "OwnershipTransferred": ownership_transferred,
    "OperatorSet": operator_set,
    "Paused": paused,
    "Unpaused": unpaused,
}
