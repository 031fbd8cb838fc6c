"""What every view of the contract should answer, and every slot of its storage hold.

Both follow from the books. A view's answer is compared word by word with its ABI encoding, which
for our views is just one word after the other; storage words are packed as docs in
contracts/modules/packing.vy say, at the slots that the compiler has given (`protocol.storage`).
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from audit.books.books import AuditedTariff, Books, Drill, Key, Oracle, Rental
from audit.node.decode import signature_hash
from protocol.storage import entry_slot, storage_slots


@dataclass(frozen=True, slots=True)
class ExpectedView:
    """A view's call and the words that it should answer; `finding` if it does not."""

    finding: str
    subject: str
    name: str
    arguments: tuple[int, ...]
    words: tuple[int, ...]

    @property
    def calldata(self) -> str:
        """Of the call, hexadecimal."""
        selector = signature_hash(self.name, "function")[:4]
        return "0x" + selector.hex() + "".join(f"{word:064x}" for word in self.arguments)

    @property
    def answer(self) -> str:
        """What it should answer, hexadecimal."""
        return "0x" + "".join(f"{word:064x}" for word in self.words)


@dataclass(frozen=True, slots=True)
class Slot:
    """A storage slot and the word that it should hold."""

    finding: str
    subject: str
    name: str
    slot: int
    word: int


def _views_of_rental(number: int, rental: Rental, books: Books) -> Iterator[ExpectedView]:
    meter, tariff = rental.now(), books.tariff_of(rental)
    subject, finding, key = f"rental {number}", "rental-state-differs", (number,)
    described = (
        int(rental.customer, 16),
        rental.drill,
        rental.tariff,
        rental.oracle,
        rental.state,
        rental.opened_at,
        rental.ended_at,
        meter.until,
        rental.funded,
        rental.collected,
    )
    yield ExpectedView(finding, subject, "rental", key, described)
    yield ExpectedView(finding, subject, "registers", key, meter.registers)
    yield ExpectedView(finding, subject, "caps", key, (rental.per_rental, rental.per_hour))
    yield ExpectedView(finding, subject, "refunded", key, (rental.refunded,))
    if tariff is not None:
        owed = books.owed(rental)
        charge = rental.charge_of(meter, tariff)
        yield ExpectedView("charge-differs", subject, "charge", key, (charge,))
        yield ExpectedView(finding, subject, "balance_of", key, (rental.funded - owed,))
        yield ExpectedView(finding, subject, "earned", key, (owed - rental.collected,))


def _views_of_things(books: Books) -> Iterator[ExpectedView]:
    for number, tariff in books.tariffs.items():
        rates = [value for level in tariff.levels for value in level]
        words = (*rates, tariff.standing, tariff.least_reserve, int(tariff.retired))
        yield ExpectedView("tariff-state-differs", f"tariff {number}", "tariff", (number,), words)
    for number, drill in books.drills.items():
        words = (drill.oracle, drill.tariff, drill.rental, int(drill.retired))
        yield ExpectedView("drill-state-differs", f"drill {number}", "drill", (number,), words)
    for number, oracle in books.oracles.items():
        words = (
            int(oracle.key, 16),
            oracle.epoch,
            int(oracle.revoked),
            int(oracle.suspended),
            int(_is_p256(books, oracle)),
        )
        yield ExpectedView("oracle-state-differs", f"oracle {number}", "oracle", (number,), words)
    for name, key in books.keys.items():
        words = (key.oracle, key.since, key.until, int(key.penalised), int(key.point is not None))
        yield ExpectedView(
            "key-state-differs", f"key {name}", "signing_key", (int(name, 16),), words
        )


def _is_p256(books: Books, oracle: Oracle) -> bool:
    key = books.keys.get(oracle.key)
    return key is not None and key.point is not None


def views(books: Books) -> Iterator[ExpectedView]:
    """Every view for everything that was seen in events."""
    for account, amount in books.accounts.items():
        subject, key = f"account {account}", int(account, 16)
        # Below zero cannot be encoded, and was reported when it happened.
        yield ExpectedView("account-state-differs", subject, "account", (key,), (max(0, amount),))
    for number, rental in books.rentals.items():
        yield from _views_of_rental(number, rental, books)
    yield from _views_of_things(books)
    for what, seen in _counts(books):
        yield ExpectedView("count-differs", f"{what}s", f"{what}_count", (), (seen,))
    finding = "contract-state-differs"
    yield ExpectedView(finding, "held", "held", (), (max(0, books.held),))
    yield ExpectedView(finding, "revenue", "revenue", (), (books.revenue,))
    bond = (max(0, books.posted), books.releasing, books.releasable_at)
    yield ExpectedView(finding, "bond", "bond", (), bond)
    yield ExpectedView(finding, "owner", "owner", (), (int(books.owner, 16),))
    yield ExpectedView(finding, "successor", "pending_owner", (), (int(books.pending_owner, 16),))
    yield ExpectedView(finding, "operator", "operator", (), (int(books.operator, 16),))
    yield ExpectedView(finding, "pause", "paused", (), (int(books.paused),))


def _counts(books: Books) -> Iterator[tuple[str, int]]:
    yield "rental", len(books.rentals)
    yield "drill", len(books.drills)
    yield "tariff", len(books.tariffs)
    yield "oracle", len(books.oracles)


def _packed(*fields: tuple[int, int]) -> int:
    """A word of (value, width) fields from the lowest bit."""
    word, shift = 0, 0
    for value, width in fields:
        word |= value << shift
        shift += width
    return word


def _rental_words(rental: Rental) -> Iterator[tuple[str, int]]:
    terms = (
        (rental.funded, 96),
        (rental.opened_at, 34),
        (rental.ended_at, 34),
        (rental.tariff, 30),
        (rental.oracle, 30),
        (rental.drill, 30),
        (int(rental.closed), 1),
        (int(rental.capped), 1),
    )
    yield "rentals.terms", _packed(*terms)
    yield "rentals.parties", _packed((int(rental.customer, 16), 160), (rental.collected, 96))
    yield "rentals.meters", rental.meter
    caps = _packed((rental.per_rental, 96), (rental.per_hour, 96)) if rental.capped else 0
    yield "rentals.caps", caps
    yield "disputes.refunded", rental.refunded


def _tariff_words(tariff: AuditedTariff) -> tuple[int, int, int]:
    seconds, turns, rpm = zip(*tariff.levels, strict=True)
    return (
        _packed(*((price, 64) for price in seconds), (tariff.standing, 64)),
        _packed(*((price, 64) for price in turns), *((highest, 20) for highest in rpm)),
        _packed((tariff.least_reserve, 96), (int(tariff.retired), 1), (1, 1)),
    )


def _drill_word(drill: Drill) -> int:
    return _packed((drill.oracle, 30), (drill.tariff, 30), (drill.rental, 64), (drill.retired, 1))


def _oracle_word(oracle: Oracle, is_p256: bool) -> int:
    flags = ((int(oracle.revoked), 1), (int(oracle.suspended), 1), (int(is_p256), 1))
    return _packed((int(oracle.key, 16), 160), (oracle.epoch, 32), *flags)


def _key_word(key: Key) -> int:
    flags = ((int(key.penalised), 1), (int(key.point is not None), 1))
    return _packed((key.oracle, 30), (key.since, 34), (key.until, 34), *flags)


def slots(books: Books) -> Iterator[Slot]:
    """Every storage slot for everything that was seen in events, and the single ones."""
    at = storage_slots()
    for account, amount in books.accounts.items():
        slot = entry_slot(at["vault.accounts"], int(account, 16))
        yield Slot("account-state-differs", f"account {account}", "account", slot, max(0, amount))
    for number, rental in books.rentals.items():
        for name, word in _rental_words(rental):
            slot = entry_slot(at[name], number)
            yield Slot("rental-state-differs", f"rental {number}", name, slot, word)
    yield from _slots_of_things(books, at)
    for name, finding, subject, word in _single_words(books):
        yield Slot(finding, subject, name, at[name], word)


def _slots_of_things(books: Books, at: dict[str, int]) -> Iterator[Slot]:
    for number, tariff in books.tariffs.items():
        first = entry_slot(at["tariffs.tariffs"], number)
        for place, word in enumerate(_tariff_words(tariff)):
            subject = f"tariff {number}"
            yield Slot("tariff-state-differs", subject, f"word {place + 1}", first + place, word)
    for number, drill in books.drills.items():
        slot = entry_slot(at["drills.drills"], number)
        yield Slot("drill-state-differs", f"drill {number}", "drill", slot, _drill_word(drill))
    for number, oracle in books.oracles.items():
        slot = entry_slot(at["oracles.oracles"], number)
        word = _oracle_word(oracle, _is_p256(books, oracle))
        yield Slot("oracle-state-differs", f"oracle {number}", "oracle", slot, word)
    for name, key in books.keys.items():
        slot = entry_slot(at["keys.records"], int(name, 16))
        yield Slot("key-state-differs", f"key {name}", "record", slot, _key_word(key))
        first = entry_slot(at["keys.points"], int(name, 16))
        for place, number in enumerate(key.point or (0, 0)):
            yield Slot("key-state-differs", f"key {name}", "point", first + place, number)


def _single_words(books: Books) -> Iterator[tuple[str, str, str, int]]:
    for what, seen in _counts(books):
        yield f"{what}s.{what}_count", "count-differs", f"{what}s", seen
    finding = "contract-state-differs"
    yield "vault.held", finding, "held", max(0, books.held)
    yield "rentals.revenue", finding, "revenue", books.revenue
    yield "bonds.posted", finding, "bond", max(0, books.posted)
    yield "bonds.releasing", finding, "bond", books.releasing
    yield "bonds.releasable_at", finding, "bond", books.releasable_at
    yield "ownable.owner", finding, "owner", int(books.owner, 16)
    yield "ownable_2step.pending_owner", finding, "successor", int(books.pending_owner, 16)
    yield "rentals.operator", finding, "operator", int(books.operator, 16)
    yield "pausable.paused", finding, "pause", int(books.paused)
