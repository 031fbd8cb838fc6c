"""An oracle that signs what its samples do not say, and publishes those samples."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from typing import Any

import pytest
from audit_rig import Told, audit, names
from web3 import HTTPProvider, Web3

from lab.rig.history import furnish
from lab.rig.services import Anvil
from lab.rig.yard import COIN, Yard, YardRental
from oracle.meter.sample_log import LoggedSample
from protocol.records import Reading, Registers
from protocol.sample import encode_sample

pytestmark = pytest.mark.integration


class Liar:
    """A box at work on one rental, which has settled one honest reading."""

    def __init__(self, yard: Yard) -> None:
        self.yard = yard
        self.rental = yard.open(yard.customers[0], COIN)
        yard.use([self.rental], 3_600)
        yard.advance(600)

    @property
    def meter(self) -> YardRental:
        return self.yard.meters[self.rental]

    @property
    def registers(self) -> Registers:
        return self.meter.log.meter.registers

    @property
    def now_ms(self) -> int:
        return self.yard.now * 1000

    def sign(self, samples: Sequence[bytes], registers: Registers) -> None:
        """Sign and settle these registers over these further samples, whatever they say."""
        frontier = self.meter.log.frontier
        for one in samples:
            frontier = frontier.append(one)
        self.meter.log = replace(self.meter.log, frontier=frontier)
        assert self.yard.publisher is not None
        self.yard.publisher.append(self.meter.identity, samples)
        root, until = frontier.root(), self.now_ms
        reading = Reading(self.rental, until, registers, frontier.size, root)
        self.yard.settle([reading])
        self.yard.publish(reading)

    def rest(self, **changes: Any) -> bytes:
        """A sample at standstill, but for what is changed."""
        one = self.meter.machine.rest(self.now_ms).sample
        return encode_sample(replace(one, **changes))


def more_than_the_samples(liar: Liar) -> None:
    more = replace(liar.registers, active_ms_1=liar.registers.active_ms_1 + 500)
    liar.sign([liar.rest()], more)


def another_drill(liar: Liar) -> None:
    liar.sign([liar.rest(drill=99)], liar.registers)


def anothers_use(liar: Liar) -> None:
    """Drilling under the lease of the rental before, signed for this one and billed to it."""
    before = liar.meter.machine.rental - 1
    strokes = list(liar.yard.drill(liar.meter, liar.now_ms))
    grown, _ = liar.meter.log.extend(strokes)
    samples = [replace(one.sample, rental=before) for one in strokes]
    liar.sign([encode_sample(one) for one in samples], grown.meter.registers)


def nobodys_sample(liar: Liar) -> None:
    liar.sign([liar.rest(rental=0)], liar.registers)


def no_sample(liar: Liar) -> None:
    one = bytearray(liar.rest())
    one[20] = 9
    liar.sign([bytes(one)], liar.registers)


def the_same_number_twice(liar: Liar) -> None:
    one = liar.rest()
    liar.sign([one, one], liar.registers)


def without_the_odometer(liar: Liar) -> None:
    """Drilling that the controller's odometer never saw."""
    samples = []
    for one in liar.yard.drill(liar.meter, liar.now_ms):
        other = replace(one.sample, odometer=Registers())
        samples.append(LoggedSample(other, encode_sample(other)))
    liar.meter.log, _ = liar.meter.log.extend(samples)
    log = liar.meter.log
    reading = log.reading(liar.now_ms)
    liar.yard.settle([reading])
    assert liar.yard.publisher is not None
    liar.yard.publisher.append(liar.meter.identity, [one.raw for one in samples])
    liar.yard.publish(reading)


def forked(liar: Liar) -> None:
    """One log for the reading that settles, and later another one that was published."""
    before, machine = liar.meter.log, liar.meter.machine
    samples = [machine.rest(liar.now_ms - 1_000), machine.rest(liar.now_ms)]
    first, _ = before.extend(samples)
    liar.yard.settle([first.reading(liar.now_ms)])
    hotter = replace(samples[0].sample, temperature_mc=99_000)
    samples[0] = LoggedSample(hotter, encode_sample(hotter))
    liar.meter.log, _ = before.extend(samples)
    assert liar.yard.publisher is not None
    liar.yard.publisher.append(liar.meter.identity, [one.raw for one in samples])
    liar.yard.use([liar.rental], 600)


def forked_in_the_last_reading(liar: Liar) -> None:
    """The same, and it is reading.json that is over the other log."""
    forked(liar)
    liar.yard.advance(60)
    liar.yard.publish(liar.yard.reading(liar.rental, liar.now_ms))


def cut_short(liar: Liar) -> None:
    """A log that is shorter than before."""
    before = liar.meter.log
    liar.yard.use([liar.rental], 600)
    reading = replace(before.reading(liar.yard.now * 1000 + 1_000), registers=liar.registers)
    liar.yard.advance(1)
    liar.yard.settle([reading])


LIES: dict[Callable[[Liar], None], set[str]] = {
    more_than_the_samples: {"registers-not-from-samples"},
    another_drill: {"sample-of-another-drill"},
    anothers_use: {"sample-of-another-rental"},
    nobodys_sample: {"sample-of-another-rental"},
    no_sample: {"sample-undecodable"},
    the_same_number_twice: {"sample-out-of-sequence"},
    without_the_odometer: {"billed-beyond-odometer"},
    forked: {"log-forked"},
    forked_in_the_last_reading: {"log-forked"},
    cut_short: {"log-size-fell", "samples-unchecked", "published-reading-contradicts"},
}


@pytest.fixture(scope="module")
def told(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Told, dict[str, int]]]:
    """A rental for each lie, and an honest one."""
    samples = tmp_path_factory.mktemp("samples")
    with Anvil(tmp_path_factory.mktemp("anvil")) as anvil:
        yard = Yard(Web3(HTTPProvider(anvil.url)), samples=samples)
        furnish(yard, boxes=1, drills=len(LIES) + 1)
        rentals = {"honest": Liar(yard).rental}
        for lie in LIES:
            liar = Liar(yard)
            lie(liar)
            rentals[lie.__name__] = liar.rental
        yield (
            Told(anvil.url, yard.contract.address, anvil.chain_id, yard, samples),
            rentals,
        )


def test_run__honest_beside_the_liars__nothing_found(told: tuple[Told, dict[str, int]]) -> None:
    where, rentals = told
    result = audit(where.url, where.contract, samples=where.samples, rental=rentals["honest"])
    # What the chain alone shows is of all rentals.
    assert names(result) <= {"log-size-fell"}


@pytest.mark.parametrize("lie", LIES, ids=lambda lie: lie.__name__)
def test_run__oracle_lies__named(
    told: tuple[Told, dict[str, int]], lie: Callable[[Liar], None]
) -> None:
    where, rentals = told
    rental = rentals[lie.__name__]
    result = audit(where.url, where.contract, samples=where.samples, rental=rental)
    about = {f.name for f in result.findings if f.subject == f"rental {rental}"}
    assert about == LIES[lie]
    assert result.findings.exit_status() == 1
    assert result.difference == 0
