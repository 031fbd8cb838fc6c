"""A journal with rentals and the publisher that follows it, on a disk that can fail."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from oracle_box import DOMAIN, SIGNER
from oracle_builders import TARIFF, logged, make_rental, make_sample
from sqlalchemy import delete

from chain.views import RentalView
from host.static_files import StaticFiles
from oracle.journal.journal import Journal, Received
from oracle.journal.signed import Bounds
from oracle.journal.store import Store
from oracle.journal.tables import metadata
from oracle.meter.meter import highest_rpm
from oracle.meter.sample_log import LoggedSample, RentalLog
from oracle.samples.extent import LogExtent, follow_extent, identity_of
from oracle.samples.extent_journal import ExtentJournal
from oracle.samples.publisher import SamplePublisher
from oracle.signing.pen import Dates, Pen
from protocol.publication import contract_folder
from protocol.records import Reading, RentalState

RENTAL = make_rental()
ANY_TIME = Dates(2**43, 2**43)


class WatchedFiles(StaticFiles):
    """Notes what is written."""

    def __init__(self, root: Path) -> None:
        super().__init__(root)
        self.written: list[str] = []

    def write(self, folder: str, name: str, content: bytes) -> None:
        super().write(folder, name, content)
        self.written.append(name)


@dataclass
class Press:
    """Samples each 100 ms from the opening of rental 7 on, numbers and keys as in a box."""

    folder: Path
    sent: int = 0
    rental: RentalView = RENTAL
    store: Store = field(default_factory=lambda: Store("sqlite://"))
    """In memory, for the disk that fails is the other one; emptied if it was in use."""

    def __post_init__(self) -> None:
        with self.store.write() as connection:
            for table in metadata.sorted_tables:
                connection.execute(delete(table))
        self.journal, self.extents = Journal(self.store), ExtentJournal(self.store)
        self.journal.signed.require_newest(SIGNER.address)
        self.samples = self.folder / "samples"
        self.samples.mkdir(exist_ok=True)
        self.restart()
        self.take_up(self.rental)

    def restart(self) -> None:
        """As after a kill: everything but journal and folder is new."""
        self.files = WatchedFiles(self.samples)
        self.publisher = SamplePublisher(self.extents, self.files, DOMAIN, 1)

    def take_up(self, rental: RentalView) -> None:
        """The chain has this rental under the number now."""
        self.rental = rental
        self.journal.know_rentals([rental])
        self.confirm(0)

    def confirm(self, seconds: int, **changes: Any) -> LogExtent:
        """The confirmed block is so late after the opening, and the rental is changed so."""
        self.rental = replace(self.rental, **changes)
        known = self.extents.extent(self.rental.rental)
        confirmed_ms = self.rental.opened_ms + seconds * 1000
        extent = follow_extent(known, self.rental, confirmed_ms)
        self.extents.keep([extent], [])
        return extent

    def end(self, seconds: int, state: RentalState = RentalState.ENDED) -> LogExtent:
        """The rental's end, so late after the opening, is confirmed."""
        return self.confirm(seconds, state=state, ended_at=self.rental.opened_at + seconds)

    def beside(self, rental: int) -> LogExtent:
        """Another rental, with samples and a reading of its own."""
        mine = self.rental
        self.take_up(replace(mine, rental=rental, state=RentalState.OPEN, ended_at=0))
        self.add(6, rest=True)
        self.sign()
        extent = self.confirm(60)
        self.rental = mine
        return extent

    def add(self, count: int, *, rest: bool = False) -> None:
        """Journal so many more samples, with `rest` the first of them at standstill."""
        first = self.sent + 1
        self.sent += count
        made = [
            logged(
                make_sample(
                    n,
                    self.rental.opened_ms + 100 * n,
                    motor_on=n > 1 and not (rest and n == first),
                    rpm=600,
                    rental=self.rental.rental,
                )
            )
            for n in range(first, self.sent + 1)
        ]
        self.journal.add_samples(Received(made, []))

    def log(self, last_ms: int | None) -> RentalLog:
        """The rental's log as the meter makes it."""
        start = RentalLog(
            self.rental.rental,
            highest_rpm(TARIFF),
            sequence=self.journal.sequence_before(self.rental.rental),
        )
        made, _ = start.extend(self._samples(last_ms))
        return made

    def _samples(self, last_ms: int | None) -> list[LoggedSample]:
        """The rental's up to then."""
        number = self.rental.rental
        after = self.journal.sequence_before(number)
        found = self.journal.samples_after(self.rental.drill, after, number)
        return [one for one in found if last_ms is None or one.sample.time_ms <= last_ms]

    def sign(self, last_ms: int | None = None, *, closing: bool = False) -> Reading:
        """Sign a receipt over the samples up to then, as the edge side does."""
        made = self.log(last_ms)
        until = last_ms if closing else made.until
        assert until is not None
        reading = made.reading(until)
        pen = Pen(SIGNER, self.journal.signed, DOMAIN)
        bounds = {reading.rental: Bounds(highest_rpm(TARIFF), closing=closing)}
        assert pen.receipts([reading], ANY_TIME, bounds)
        return reading

    def publish(self) -> None:
        """One period."""
        for _ in range(1_000):
            if not self.publisher.step():
                return
        raise AssertionError("the publisher does not come to an end")

    def of(self, rental: RentalView | None = None) -> Path:
        """A rental's folder."""
        identity = identity_of(rental or self.rental)
        return self.samples / contract_folder(DOMAIN) / identity.folder()

    def content(self) -> dict[str, bytes]:
        """All files of all rentals."""
        found = self.samples.rglob("*")
        return {
            str(one.relative_to(self.samples)): one.read_bytes() for one in found if one.is_file()
        }

    def published(self) -> bytes:
        """The samples of the rental, bundle after bundle."""
        names = sorted(one for one in self.of().iterdir() if one.suffix == ".bin")
        return b"".join(one.read_bytes() for one in names)

    def expected(self, last_ms: int) -> bytes:
        """The samples of the rental up to then, from the journal."""
        return b"".join(one.raw for one in self._samples(last_ms))
