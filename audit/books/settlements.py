"""Settled readings and receipts held against the signed calldata of their transactions.

`settle` leaves exactly one event for each reading, in their order: UsageSettled or ReadingRejected.
So readings and events are paired one by one; a reading without its event has been hidden. Keys are
judged as of the moment of the settlement, because events are replayed in the chain's order.
"""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass

from audit.books.arithmetic import read_meter
from audit.books.books import Books, Key
from audit.books.replay_usage import objection
from audit.books.signatures import digest_of, is_signed_with, recovered
from audit.findings import Findings
from audit.node.calldata import (
    Batch,
    CalldataError,
    PackedReading,
    dispute_arguments,
    is_call_of,
    settle_batches,
)
from audit.node.decode import Event
from protocol.records import Domain

REASONS = {
    "reading-after-close": "rental is closed",
    "reading-not-later": "not later than the last",
    "reading-in-the-future": "in the future",
    "reading-after-end": "after the end",
    "reading-after-grace": "grace period is over",
    "register-fell": "implausible registers",
    "active-time-beyond-wall-clock": "implausible registers",
    "revolutions-beyond-rpm": "implausible registers",
}
"""What the contract says where the replay would object to a settled reading."""

STRANGERS = 1000
"""Unknown signers that are remembered, in case their key is registered later."""


@dataclass(frozen=True, slots=True)
class Signed:
    """A reading with its batch, and whether that is signed with its oracle's key in force."""

    reading: PackedReading
    batch: Batch
    genuine: bool


class Settlements:
    """One after the other; `verified` counts readings whose signature was found good."""

    def __init__(self, books: Books, findings: Findings, domain: Domain) -> None:
        self.verified = 0
        self.unchecked = 0
        self._books, self._findings, self._domain = books, findings, domain
        self._transaction = ""
        self._open: deque[Signed] | None = None

    def outcome(self, event: Event, calldata: bytes | None) -> None:
        """Take a UsageSettled or ReadingRejected, before it goes into the books."""
        if event.log.transaction != self._transaction:
            self.finish()
            self._transaction = event.log.transaction
            self._open = self._begin(event, calldata)
        if self._open is None:
            self.unchecked += event.name == "UsageSettled"
            return
        if not self._open:
            self._find("settlement-not-in-calldata", event, "more events than readings")
            return
        signed = self._open.popleft()
        if event.name == "ReadingRejected":
            self._rejected(event, signed)
        elif self._matches(event, signed.reading):
            self._settled(event, signed)

    def finish(self) -> None:
        """After the last event of a block: every reading must have had its event."""
        for signed in self._open or ():
            until = read_meter(signed.reading.meter).until
            self._findings.add(
                "settlement-log-missing",
                f"rental {signed.reading.rental}",
                f"the reading of {until} in transaction {self._transaction} left no event",
            )
        self._transaction, self._open = "", None

    def disputed(self, event: Event, calldata: bytes | None) -> None:
        """Take a UsageDisputed, before it goes into the books."""
        if calldata is None or not is_call_of("dispute", calldata):
            return self._find("signature-unchecked", event, "the dispute came through a contract")
        try:
            receipt, key, r, vs = dispute_arguments(calldata)
        except CalldataError as error:
            return self._find("receipt-signed-by-another-key", event, str(error))
        told = (event.args["rental"], event.args["meter"], event.args["key"])
        if told != (receipt.rental, receipt.meter, key):
            return self._find("settlement-not-in-calldata", event, "it differs from the receipt")
        digest = digest_of(self._domain, [receipt])
        if not self._is_of(self._books.keys.get(key), key, digest, r, vs):
            return self._find("receipt-signed-by-another-key", event, f"it names {key}")
        return None

    def _begin(self, event: Event, calldata: bytes | None) -> deque[Signed] | None:
        """The readings of a new transaction, their signatures checked; None if not to be seen."""
        if calldata is None or not is_call_of("settle", calldata):
            self._find(
                "signature-unchecked",
                event,
                f"transaction {event.log.transaction} calls `settle` through another contract",
            )
            return None
        try:
            batches = settle_batches(calldata)
        except CalldataError as error:
            self._find("settlement-not-in-calldata", event, str(error))
            return None
        return deque(
            Signed(reading, batch, genuine)
            for batch in batches
            for genuine in [self._genuine(batch)]
            for reading in batch[1]
        )

    def _genuine(self, batch: Batch) -> bool:
        """Whether the batch is signed with the key of its oracle that is in force now."""
        signature, readings = batch
        oracle = self._books.oracles.get(signature.oracle)
        if oracle is None or oracle.revoked or oracle.suspended:
            return False
        digest = digest_of(self._domain, readings)
        record = self._books.keys.get(oracle.key)
        return self._is_of(record, oracle.key, digest, signature.r, signature.vs)

    @staticmethod
    def _is_of(record: Key | None, key: str, digest: bytes, r: int, vs: int) -> bool:
        return is_signed_with(key, record.point if record else None, digest, r, vs)

    def _matches(self, event: Event, reading: PackedReading) -> bool:
        args = event.args
        told = (args["rental"], args["meter"], args["log_size"], int(args["log_root"], 16))
        sent = (reading.rental, reading.meter, reading.log_size, reading.log_root)
        if told != sent:
            self._find("settlement-not-in-calldata", event, f"it tells {told}, sent was {sent}")
        return told == sent

    def _settled(self, event: Event, signed: Signed) -> None:
        """A settled reading must be of the rental's oracle and under its key in force."""
        rental = self._books.rentals.get(signed.reading.rental)
        named = signed.batch[0].oracle
        if rental is not None and rental.oracle != named:
            self._find(
                "reading-signed-by-another-key",
                event,
                f"settled as of oracle {named}, metered by oracle {rental.oracle}",
            )
        elif signed.genuine:
            self.verified += 1
        elif self._books.from_deployment:
            self._blame(event, signed)
        else:
            self.unchecked += 1
            self._find("signature-unchecked", event, f"the key of oracle {named} is not known")

    def _blame(self, event: Event, signed: Signed) -> None:
        """Say whose signature it is instead."""
        signature, readings = signed.batch
        digest = digest_of(self._domain, readings)
        signer = recovered(digest, signature.r, signature.vs)
        for key, known in self._books.keys.items():
            if known.oracle == signature.oracle and self._is_of(
                known, key, digest, signature.r, signature.vs
            ):
                signer = key
        record = self._books.keys.get(signer) if signer else None
        if signer and record is not None and record.oracle == signature.oracle:
            when = f"in force from {record.since} to {record.until or 'now'}"
            text = f"signed with {signer}, {when}, settled at {event.timestamp}"
            self._find("reading-signed-after-retirement", event, text)
            return
        text = f"signed with {signer}" if signer else "the signature is malformed"
        self._find("reading-signed-by-another-key", event, text)
        if signer and record is None and len(self._books.strangers) < STRANGERS:
            subject = f"rental {signed.reading.rental}"
            self._books.strangers.setdefault(signer, f"a reading of {subject} in {event.place}")

    def _rejected(self, event: Event, signed: Signed) -> None:
        """A rejection must name this reading, and the reason that the rules give."""
        meter = read_meter(signed.reading.meter)
        told = (event.args["rental"], event.args["until"])
        if told != (signed.reading.rental, meter.until):
            self._find("settlement-not-in-calldata", event, f"it rejects {told}")
            return
        if not self._books.from_deployment:
            return
        rental = self._books.rentals.get(signed.reading.rental)
        due: str | None
        if not signed.genuine:
            due = "not signed by its oracle"
        elif rental is None or rental.oracle != signed.batch[0].oracle:
            due = "not a rental of this oracle"
        else:
            tariff = self._books.tariff_of(rental)
            refused = objection(rental, tariff, self._books.terms, meter, event.timestamp)
            due = REASONS[refused] if refused else None
        if event.args["reason"] != due:
            reason = event.args["reason"]
            text = f"rejected as {reason!r}, the rules say {due or 'that it settles'!r}"
            self._find("rejection-unfounded", event, text)

    def _find(self, name: str, event: Event, text: str) -> None:
        self._findings.add(name, f"rental {event.args['rental']}", text, event.place)
