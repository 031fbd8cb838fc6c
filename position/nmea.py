"""NMEA 0183 as a receiver sends it, sentence by sentence, to reports.

    RMC   date and time, and whether the fix is valid
    GGA   time, place, kind of fix, horizontal dilution of precision
    GSA   whether the fix is in two or three dimensions
    GST   standard deviation of latitude and longitude, where the receiver has it

A report is made once RMC and GGA of one time are there. Its accuracy is that of GST, else the
dilution times what a civil receiver errs by.
Source: NMEA 0183 version 4; sentences are read by pynmeagps.
"""

from __future__ import annotations

from datetime import UTC, datetime
from math import hypot, isfinite
from typing import Any

import pynmeagps
from pynmeagps.exceptions import NMEAMessageError, NMEAParseError, NMEAStreamError, NMEATypeError

from position.errors import PlaceError
from position.fix import FixQuality, FixReport, Place

LONGEST_SENTENCE = 200
"""Bytes; the standard says 82, some receivers go beyond."""

USER_ERROR_MM = 5_000
"""What a civil receiver's range errs by, one standard deviation: 95 % is twice that by dilution."""

NINETY_FIVE = 2
"""Standard deviations that hold 95 % of fixes, roughly."""

LARGEST_ACCURACY_MM = 10**9

_OF_GGA = {1: FixQuality.THREE_D, 2: FixQuality.DGPS, 4: FixQuality.RTK, 5: FixQuality.RTK}
"""Kinds of fix in GGA; estimated (6), manual (7) and simulated (8) are none."""


class NmeaReader:
    """Takes bytes of a serial line and gives reports; what is no sentence it counts and drops."""

    def __init__(self) -> None:
        self.dropped = 0
        self._rest = b""
        self._rmc: Any = None
        self._gga: Any = None
        self._gst: Any = None
        self._flat = False

    def feed(self, data: bytes) -> list[FixReport]:
        """The reports that are complete with this."""
        *lines, self._rest = (self._rest + data).split(b"\n")
        if len(self._rest) > LONGEST_SENTENCE:
            self.dropped += 1
            self._rest = b""
        reports = [self._take(line.strip()) for line in lines if line.strip()]
        return [report for report in reports if report is not None]

    def _take(self, line: bytes) -> FixReport | None:
        if len(line) > LONGEST_SENTENCE:
            self.dropped += 1
            return None
        try:
            found: Any = pynmeagps.NMEAReader.parse(line, validate=pynmeagps.VALCKSUM)
        except (NMEAMessageError, NMEAParseError, NMEAStreamError, NMEATypeError, ValueError):
            self.dropped += 1
            return None
        kind = getattr(found, "msgID", None)
        if kind == "GSA":
            self._flat = _field(found, "navMode") == 2
        elif kind == "GST":
            self._gst = found
        elif kind in ("RMC", "GGA"):
            setattr(self, f"_{kind.lower()}", found)
            return self._report()
        return None

    def _report(self) -> FixReport | None:
        rmc, gga = self._rmc, self._gga
        if rmc is None or gga is None or _field(rmc, "time") != _field(gga, "time"):
            return None
        self._rmc = self._gga = None
        time_ms = _time_ms(rmc)
        quality = _OF_GGA.get(_field(gga, "quality"), FixQuality.NONE)
        if _field(rmc, "status") != "A" or quality is FixQuality.NONE:
            return FixReport(FixQuality.NONE, time_ms=time_ms)
        if quality is FixQuality.THREE_D and self._flat:
            quality = FixQuality.TWO_D
        try:
            place = Place.of_degrees(_number(gga, "lat"), _number(gga, "lon"))
        except PlaceError:
            self.dropped += 1
            return FixReport(FixQuality.NONE, time_ms=time_ms)
        return FixReport(quality, place, self._accuracy_mm(gga), time_ms)

    def _accuracy_mm(self, gga: Any) -> int | None:
        gst, self._gst = self._gst, None
        if gst is not None:
            spread = hypot(_number(gst, "stdLat"), _number(gst, "stdLong"))
            if isfinite(spread) and spread > 0:
                return min(LARGEST_ACCURACY_MM, round(NINETY_FIVE * 1000 * spread))
        dilution = _number(gga, "HDOP")
        if not isfinite(dilution) or dilution <= 0:
            return None
        return min(LARGEST_ACCURACY_MM, round(NINETY_FIVE * USER_ERROR_MM * dilution))


def _field(sentence: Any, name: str) -> Any:
    """A field of a sentence, None where the sentence is too short for it."""
    return getattr(sentence, name, None)


def _number(sentence: Any, name: str) -> float:
    """A field that is a number; not a number where it is empty or missing."""
    found = _field(sentence, name)
    return float(found) if isinstance(found, int | float) else float("nan")


def _time_ms(rmc: Any) -> int | None:
    """Unix ms; None before the receiver knows the date."""
    try:
        moment = datetime.combine(_field(rmc, "date"), _field(rmc, "time"), UTC)
    except TypeError:
        return None
    return round(moment.timestamp() * 1000)
