"""What gpsd says over TCP, in JSON, one object a line: only `TPV` concerns us.

`mode` is 0 or 1 for no fix, 2 or 3 for one in so many dimensions; `status` 2 is differential, 3 and
4 are real-time kinematics; `eph` is the horizontal error in metres, 95 % by gpsd's own reckoning.
gpsd repeats an old fix to whoever asks for it, with its mode: what counts is its `time`.
Source: gpsd_json(5), gpsd 3.22 and newer.
"""

from __future__ import annotations

from datetime import UTC, datetime
from math import hypot, isfinite
from typing import Any

from host.bounded_json import parse_json
from host.errors import AnswerTooLargeError, NonsenseError
from position.errors import PlaceError
from position.fix import FixQuality, FixReport, Place

WATCH = b'?WATCH={"enable":true,"json":true};\n'
LONGEST_LINE = 20_000
"""Bytes; gpsd's own limit is 10,240."""

LARGEST_ACCURACY_M = 1e6

_OF_MODE = {2: FixQuality.TWO_D, 3: FixQuality.THREE_D}
_OF_STATUS = {2: FixQuality.DGPS, 3: FixQuality.RTK, 4: FixQuality.RTK}


class GpsdReader:
    """Takes bytes from gpsd and gives reports; of one device, where one is named."""

    def __init__(self, device: str | None = None) -> None:
        self.dropped = 0
        self._device = device
        self._rest = b""

    def feed(self, data: bytes) -> list[FixReport]:
        """The reports that are complete with this."""
        *lines, self._rest = (self._rest + data).split(b"\n")
        if len(self._rest) > LONGEST_LINE:
            self.dropped += 1
            self._rest = b""
        reports = [self._take(line) for line in lines if line.strip()]
        return [report for report in reports if report is not None]

    def _take(self, line: bytes) -> FixReport | None:
        try:
            found = parse_json(line)
        except (AnswerTooLargeError, NonsenseError):
            self.dropped += 1
            return None
        if not isinstance(found, dict):
            self.dropped += 1
            return None
        if found.get("class") != "TPV":
            return None
        if self._device is not None and found.get("device") != self._device:
            return None
        try:
            return _report(found)
        except PlaceError:
            self.dropped += 1
            return None


def _report(found: dict[str, Any]) -> FixReport:
    """The report in a TPV; raises PlaceError for a place that is none."""
    time_ms = _time_ms(found.get("time"))
    quality = _OF_MODE.get(_whole(found.get("mode")), FixQuality.NONE)
    latitude, longitude = _number(found.get("lat")), _number(found.get("lon"))
    if quality is FixQuality.NONE or latitude is None or longitude is None:
        return FixReport(FixQuality.NONE, time_ms=time_ms)
    quality = _OF_STATUS.get(_whole(found.get("status")), quality)
    return FixReport(quality, Place.of_degrees(latitude, longitude), _accuracy_mm(found), time_ms)


def _accuracy_mm(found: dict[str, Any]) -> int | None:
    metres = _number(found.get("eph"))
    east, north = _number(found.get("epx")), _number(found.get("epy"))
    if metres is None and east is not None and north is not None:
        metres = hypot(east, north)
    if metres is None or not 0 < metres < LARGEST_ACCURACY_M:
        return None
    return round(metres * 1000)


def _number(found: object) -> float | None:
    if isinstance(found, bool) or not isinstance(found, int | float) or not isfinite(found):
        return None
    return float(found)


def _whole(found: object) -> int:
    return found if isinstance(found, int) and not isinstance(found, bool) else 0


def _time_ms(found: object) -> int | None:
    """Unix ms of a time in UTC; None where there is none."""
    if not isinstance(found, str):
        return None
    try:
        moment = datetime.fromisoformat(found)
    except ValueError:
        return None
    return round(moment.replace(tzinfo=moment.tzinfo or UTC).timestamp() * 1000)
