"""What there is at a contract, for its provider: one line each."""

from __future__ import annotations

from collections.abc import Iterator

from host.foreign_text import harmless
from provider.amounts import PlanAsset
from provider.meter import DeployedMeter
from provider.node import checksummed

MOST = 1_000
"""Numbers of a kind that are shown; the newest."""


def overview(meter: DeployedMeter, asset: PlanAsset) -> Iterator[str]:
    """Money, tariffs, oracles and drills at the newest block; raises ProviderError."""
    yield f"contract {meter.address}, provider {checksummed(meter.view('owner'))}"
    named = checksummed(meter.view("operator"))
    if int(named, 16):
        yield f"operator {named}, who may end rentals"
    if meter.view("paused"):
        yield "paused: no opening and no topping up"
    posted, releasing, releasable_at = meter.view("bond")
    release = f", of which {asset.show(releasing)} may be taken from Unix time {releasable_at} on"
    yield f"bond {asset.show(posted)}{release if releasing else ''}"
    yield f"revenue of closed rentals {asset.show(int(meter.view('revenue')))}"
    for number in _newest(meter, "tariff_count"):
        levels, standing, least, retired = meter.view("tariff", number)
        rates = "; ".join(
            f"{asset.show(second)} a second, {asset.show(turns)} for 1000 turns, {rpm} rpm at most"
            for second, turns, rpm in levels
        )
        yield (
            f"tariff {number}{' (retired)' if retired else ''}: {rates}; standing "
            f"{asset.show(standing)} a second, least reserve {asset.show(least)}"
        )
    for number in _newest(meter, "oracle_count"):
        key, epoch, revoked, suspended, _ = meter.view("oracle", number)
        state = " (revoked)" if revoked else " (suspended)" if suspended else ""
        yield f"oracle {number}{state}: key {epoch} is {checksummed(key)}"
    labels = meter.listed() if meter.view("drill_count") else {}
    for number in _newest(meter, "drill_count"):
        oracle, tariff, rental, retired = meter.view("drill", number)
        fate = "retired" if retired else f"oracle {oracle}, tariff {tariff}"
        if rental:
            earned = asset.show(int(meter.view("earned", rental)))
            fate += f", in rental {rental}, {earned} to collect"
        yield f"drill {number}: {harmless(labels[number])}: {fate}"


def running(meter: DeployedMeter) -> list[int]:
    """The rentals that have a drill, by number."""
    drills = range(1, int(meter.view("drill_count")) + 1)
    return sorted(filter(None, (int(meter.view("drill", drill)[2]) for drill in drills)))


def _newest(meter: DeployedMeter, count: str) -> range:
    last = int(meter.view(count))
    return range(max(1, last - MOST + 1), last + 1)
