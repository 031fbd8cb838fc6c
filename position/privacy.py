"""What a customer, or who else is entitled to it, is given of a drill's record; what is erased."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, datetime

from position.errors import RecordsError
from position.fix import E7
from position.places import KeptPlace, PlaceFile
from position.records import RecordEntry, Records
from position.settings import PrivacySettings
from position.status import utc

ALWAYS_MS = (0, 2**62)
"""From the beginning to the end of time, Unix ms."""


@dataclass(frozen=True, slots=True)
class Period:
    """A time, both ends included, Unix ms; of one rental's entries only, where one is named."""

    since_ms: int
    until_ms: int
    rental: int | None = None


def moment_ms(text: str) -> int:
    """Unix ms of a time in ISO 8601, UTC where it does not say; raises RecordsError."""
    try:
        moment = datetime.fromisoformat(text)
    except ValueError:
        raise RecordsError(f"{text!r} is not a time such as 2026-11-30T08:00:00Z") from None
    return round(moment.replace(tzinfo=moment.tzinfo or UTC).timestamp() * 1000)


def export(
    records: Records,
    privacy: PrivacySettings,
    drill: int,
    period: Period,
    places: Iterable[KeptPlace] | None,
) -> dict[str, object]:
    """All that was recorded of a drill in a time, for a program or a person to read; `places` are
    those that were kept, None where they were not asked for."""
    entries = [
        _entry(one)
        for one in records.entries(drill, period.since_ms, period.until_ms)
        if period.rental is None or one.rental == period.rental
    ]
    found: dict[str, object] = {
        "drill": drill,
        "rental": period.rental,
        "purpose": privacy.purpose,
        "place_days": privacy.place_days,
        "record_days": privacy.record_days,
        "entries": entries,
    }
    if places is not None:
        found["places"] = [place_facts(one) for one in places]
    return found


def place_facts(kept: KeptPlace) -> dict[str, object]:
    """A place for programs, in degrees and metres."""
    return {
        "time": utc(kept.time_ms),
        "latitude": kept.place.latitude_e7 / E7,
        "longitude": kept.place.longitude_e7 / E7,
        "accuracy_m": kept.accuracy_mm / 1000,
        "fix": str(kept.quality),
    }


def erase(records: Records, places: PlaceFile, drill: int, period: Period) -> tuple[int, int]:
    """Delete the places and the movements of a drill in a time, and the fence of the rental that is
    named; returns how many places and entries. Who looked stays on record until its retention.

    Raises RecordsError while there is a ground to keep places.
    """
    grounds = records.grounds(drill)
    if grounds:
        raise RecordsError(
            f"drill {drill}: {', '.join(grounds)}; its places are needed until that is over"
        )
    if period.rental is not None:
        places.clear_fence(drill, period.rental)
    kept = places.erase(drill, period.since_ms, period.until_ms)
    return kept, records.erase_movements(drill, period.since_ms, period.until_ms)


def _entry(entry: RecordEntry) -> dict[str, object]:
    found: dict[str, object] = {
        "time": utc(entry.time_ms),
        "rental": entry.rental,
        "what": str(entry.what),
    }
    said = {"who": entry.who, "role": entry.role, "why": entry.why}
    return found | {name: text for name, text in said.items() if text}
