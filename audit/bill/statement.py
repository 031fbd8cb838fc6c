"""A rental's statement: what the customer owes and why, out of the auditor's books.

Pure values: whatever is written about them (HTML, PDF) computes nothing more. Amounts are integers
in the asset's smallest unit, lines in its thousandths, as the contract adds them up.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from audit.amounts import Asset
from audit.bill.course import (
    BalanceTerms,
    Course,
    CourseSource,
    Metered,
    of_readings,
    of_samples,
    unsettled,
)
from audit.bill.rental_story import Happening, RentalStory, SettledReading
from audit.books.arithmetic import NO_CAP, Rate
from audit.books.books import AuditedTariff, Books, Rental
from audit.errors import AuditError
from audit.findings import CATALOGUE, KEPT_OF_A_NAME, Finding, Findings, Grade
from audit.result import STATES, Result, Scope
from audit.samples.track import SampleTally
from protocol.records import Domain


@dataclass(frozen=True, slots=True)
class Line:
    """One position: a quantity at a price. `kind` is "time", "turns" or "standing"; `level` 1 to 3,
    0 for the standing price; `quantity` in ms or revolutions; `price` a second or a thousand."""

    kind: str
    level: int
    quantity: int
    price: int

    @property
    def thousandths(self) -> int:
        """What it comes to, in thousandths of the smallest unit."""
        return self.quantity * self.price


@dataclass(frozen=True, slots=True)
class Parties:
    """Who and where. `label` is what the provider calls the drill."""

    provider: str
    customer: str
    contract: str
    chain_id: int
    drill: int
    label: str
    oracle: int
    tariff: int


@dataclass(frozen=True, slots=True)
class Statement:
    """All that a bill tells.

    Times in Unix s, 0 where it has not happened; `until` in ms. `limit` is the most that may be
    owed, `given_back` what disputes returned; `last_*` is the block that it stands at. `findings`
    are those that concern this rental; `samples` is what came of its published samples, None where
    they were not looked at.
    """

    rental: int
    state: str
    parties: Parties
    asset: Asset
    opened_at: int
    ended_at: int
    closed_at: int
    until: int
    rates: tuple[Rate, ...]
    standing: int
    least_reserve: int
    per_rental: int | None
    per_hour: int | None
    lines: tuple[Line, ...]
    charge: int
    limit: int
    owed: int
    funded: int
    refund: int
    given_back: int
    settlements: int
    rejected: int
    happenings: tuple[Happening, ...]
    account: tuple[Happening, ...]
    course: Course
    reading: SettledReading | None
    findings: tuple[Finding, ...]
    samples: SampleTally | None
    scope: Scope
    last_time: int

    @property
    def thousandths(self) -> int:
        """The lines added up."""
        return sum(line.thousandths for line in self.lines)

    @property
    def rounding(self) -> int:
        """What rounding down takes away, in thousandths: 0 to 999."""
        return self.thousandths - 1000 * self.charge

    @property
    def balance(self) -> int:
        """What is left of the funds; of a closed rental it went back, as `refund`."""
        return self.funded - self.owed

    def of(self, name: str) -> Iterator[Happening]:
        """What happened, by the event's name."""
        return (one for one in self.happenings if one.name == name)


def state_rental(
    story: RentalStory,
    books: Books,
    result: Result,
    *,
    asset: Asset,
    last_time: int,
    metered: Metered | None = None,
) -> Statement:
    """The statement of a story's rental; raises AuditError where there is none to make.

    `metered` is what its samples make, if they were looked at and are those that were signed for.
    """
    rental, scope = books.rentals.get(story.rental), result.scope
    if rental is None:
        raise AuditError(f"there is no rental {story.rental} in blocks up to {scope.last_block}")
    tariff = books.tariff_of(rental)
    if tariff is None:
        raise AuditError(
            f"tariff {rental.tariff} of rental {story.rental} was not published from block "
            f"{scope.first_block} on, so nothing can be recomputed: begin earlier"
        )
    meter, samples = rental.now(), _tally(result, story.rental)
    lines = tuple(_lines(rental, tariff))
    charge = rental.charge_of(meter, tariff)
    if sum(line.thousandths for line in lines) // 1000 != charge:
        raise AssertionError("the lines do not add up to the charge")
    return Statement(
        rental=story.rental,
        state=STATES[rental.state],
        parties=_parties(rental, books, scope),
        asset=asset,
        opened_at=rental.opened_at,
        ended_at=rental.ended_at,
        closed_at=max((one.time for one in story.told if one.name == "RentalClosed"), default=0),
        until=meter.until,
        rates=tariff.levels,
        standing=tariff.standing,
        least_reserve=tariff.least_reserve,
        per_rental=None if rental.per_rental >= NO_CAP else rental.per_rental,
        per_hour=None if rental.per_hour >= NO_CAP else rental.per_hour,
        lines=lines,
        charge=charge,
        limit=rental.limit_at(meter.until),
        owed=books.owed(rental),
        funded=rental.funded,
        refund=rental.refund,
        given_back=rental.refunded,
        settlements=rental.settlements,
        rejected=story.rejected,
        happenings=tuple(story.told),
        account=tuple(story.account),
        course=_course(
            story,
            books,
            rental,
            tariff,
            with_samples=samples is not None,
            metered=metered,
            last_time=last_time,
        ),
        reading=story.reading(Domain(scope.chain_id, scope.contract)),
        findings=tuple(concerning(result.findings, story.rental, rental.customer)),
        samples=samples,
        scope=scope,
        last_time=last_time,
    )


def _tally(result: Result, rental: int) -> SampleTally | None:
    return next((bill.samples for bill in result.bills if bill.rental == rental), None)


def _course(
    story: RentalStory,
    books: Books,
    rental: Rental,
    tariff: AuditedTariff,
    *,
    with_samples: bool,
    metered: Metered | None,
    last_time: int,
) -> Course:
    settled = story.finished_points()
    source = CourseSource.NOT_ALL if with_samples else CourseSource.NOT_GIVEN
    course = None
    if metered is not None:
        source = CourseSource.CLOCK
        paid = [one for one in story.told if one.name in ("RentalOpened", "ToppedUp")]
        terms = BalanceTerms(
            rental.opened_at,
            tariff.levels,
            tariff.standing,
            rental.per_rental,
            rental.per_hour,
            tuple((one.time * 1000, one.args["funded"]) for one in paid),
        )
        course = of_samples(metered, terms, rental.log_size, settled)
    course = course or of_readings(source, rental.settlements, settled)
    over = rental.ended_at > 0 and last_time > rental.ended_at + books.terms.grace_period
    if over or rental.closed:
        return course
    return unsettled(course, (rental.ended_at or last_time) * 1000)


def _lines(rental: Rental, tariff: AuditedTariff) -> Iterator[Line]:
    meter = rental.now()
    for level, (per_second, per_1000_turns, _) in enumerate(tariff.levels, 1):
        yield Line("time", level, meter.active_ms[level - 1], per_second)
        yield Line("turns", level, meter.revolutions[level - 1], per_1000_turns)
    yield Line("standing", 0, meter.until - rental.opened_at * 1000, tariff.standing)


def _parties(rental: Rental, books: Books, scope: Scope) -> Parties:
    drill = books.drills.get(rental.drill)
    return Parties(
        provider=books.owner,
        customer=rental.customer,
        contract=scope.contract,
        chain_id=scope.chain_id,
        drill=rental.drill,
        label=drill.label if drill else "",
        oracle=rental.oracle,
        tariff=rental.tariff,
    )


def concerning(findings: Findings, rental: int, customer: str) -> Iterator[Finding]:
    """What the audit found that may touch this rental: all but what is of another rental's or
    account's. Where a name has more findings than are kept, one stands for those not kept."""
    for finding in findings:
        kind, _, number = finding.subject.partition(" ")
        others = {"rental": str(rental), "account": customer}
        if number == others.get(kind, number):
            yield finding
    for name, count in findings.counts.items():
        if count > KEPT_OF_A_NAME:
            yield Finding(name, "rentals that are not told", f"{count} in all")


def wrong(findings: Iterable[Finding]) -> list[Finding]:
    """Those for which no bill should be written."""
    return [one for one in findings if CATALOGUE[one.name][0] is Grade.WRONG]
