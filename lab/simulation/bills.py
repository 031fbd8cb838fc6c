"""What each rental that ever was must come to, by the independent meter over the journal."""

from __future__ import annotations

from collections.abc import Iterator

from chain.views import RentalView
from lab.simulation.meter import SimulatedBill
from lab.simulation.world import SimWorld
from protocol.sample import Sample

Journal = dict[int, list[tuple[Sample, bytes]]]
"""By drill: its samples, sequences rising."""


class Bills:
    """Of the rentals of all forks."""

    def __init__(self, world: SimWorld, journal: Journal) -> None:
        self._world, self._journal = world, journal
        self._made: dict[tuple[object, int], SimulatedBill] = {}
        self._ever: dict[int, dict[object, RentalView]] = {}
        for block in world.chain.known.values():
            for number, view in block.rentals.items():
                self._ever.setdefault(number, {})[view.identity] = view

    def journal(self, drill: int) -> list[tuple[Sample, bytes]]:
        """All samples of a drill that the oracle holds."""
        return self._journal[drill]

    def of(self, rental: RentalView, *, renumbered: bool = False) -> SimulatedBill:
        """The bill of a rental over all that names it; with `renumbered` without what named its
        number before the box knew this one by it."""
        before = self._world.oracle.sequences_before
        after = before.get((rental.rental, rental.identity), 0) if renumbered else 0
        key = (rental.rental, *rental.identity), after
        if key not in self._made:
            tariff = self._world.chain.tariffs[rental.tariff - 1]
            self._made[key] = SimulatedBill(rental, tariff, self._journal[rental.drill], after)
        return self._made[key]

    def all_of(self, rental: RentalView) -> Iterator[SimulatedBill]:
        """What its bill may be."""
        yield self.of(rental)
        if self._world.given_twice(rental.rental):
            yield self.of(rental, renumbered=True)

    def ever(self, number: int) -> Iterator[RentalView]:
        """Everything that had this number."""
        yield from self._ever.get(number, {}).values()

    def ends(self, rental: RentalView) -> set[int]:
        """When it ended, on whichever fork."""
        found = set()
        for block in self._world.chain.known.values():
            view = block.rentals.get(rental.rental)
            if view is not None and view.identity == rental.identity and view.ended_ms is not None:
                found.add(view.ended_ms)
        return found
