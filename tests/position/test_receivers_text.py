"""NMEA 0183 and gpsd's JSON, byte by byte, with everything in them that is not a fix."""

from __future__ import annotations

import json
from functools import reduce
from operator import xor

import pytest
from hypothesis import given
from hypothesis import strategies as st

from position.fix import FixQuality, FixReport, Place
from position.gpsd import LONGEST_LINE, GpsdReader
from position.nmea import LONGEST_SENTENCE, NmeaReader

TIME_MS = 1_795_771_232_500
"""2026-11-27 09:20:32.5 UTC."""

PLACE = Place(525_200_000, 134_050_000)


def sentence(body: str) -> bytes:
    return f"${body}*{reduce(xor, body.encode()):02X}\r\n".encode()


def rmc(status: str = "A", date: str = "271126", time: str = "092032.50") -> bytes:
    return sentence(f"GPRMC,{time},{status},5231.2000,N,01324.3000,E,0.0,,{date},,,A")


def gga(quality: int = 1, dilution: str = "1.2", latitude: str = "5231.2000") -> bytes:
    fields = f"{latitude},N,01324.3000,E,{quality},08,{dilution},34.0,M,,M,,"
    return sentence(f"GPGGA,092032.50,{fields}")


GSA_2D = sentence("GPGSA,A,2,01,02,03,,,,,,,,,,2.0,1.2,1.5")
GST = sentence("GPGST,092032.50,,,,,3.0,4.0,6.0")


def nmea(*parts: bytes) -> list[FixReport]:
    return NmeaReader().feed(b"".join(parts))


def test_nmea__an_epoch_in_any_order__one_report() -> None:
    report = FixReport(FixQuality.THREE_D, PLACE, 12_000, TIME_MS)
    assert nmea(rmc(), gga()) == [report]
    assert nmea(gga(), rmc()) == [report]
    assert nmea(rmc()) == []
    assert nmea(rmc(time="092031.50"), gga()) == []


@pytest.mark.parametrize(
    ("quality", "expected"),
    [(2, FixQuality.DGPS), (4, FixQuality.RTK), (5, FixQuality.RTK)],
)
def test_nmea__kinds_of_fix__told(quality: int, expected: FixQuality) -> None:
    assert [one.quality for one in nmea(rmc(), gga(quality))] == [expected]


def test_nmea__two_dimensions_and_deviations__told() -> None:
    assert nmea(GSA_2D, GST, rmc(), gga()) == [FixReport(FixQuality.TWO_D, PLACE, 10_000, TIME_MS)]


@pytest.mark.parametrize(
    "parts",
    [
        (rmc("V"), gga()),
        (rmc(), gga(0)),
        (rmc(), gga(6)),
        (rmc(), gga(7)),
        (rmc(), gga(8)),
        (rmc(), gga(latitude="")),
    ],
)
def test_nmea__what_is_no_fix__is_none(parts: tuple[bytes, ...]) -> None:
    assert nmea(*parts) == [FixReport(FixQuality.NONE, time_ms=TIME_MS)]


def test_nmea__no_dilution__accuracy_is_not_known() -> None:
    assert [one.accuracy_mm for one in nmea(rmc(), gga(dilution=""))] == [None]


def test_nmea__no_date_yet__no_time() -> None:
    assert [one.time_ms for one in nmea(rmc(date=""), gga())] == [None]


def test_nmea__byte_by_byte_with_rubbish_between__the_same() -> None:
    reader = NmeaReader()
    data = b"\xff\x00noise\r\n" + rmc() + b"$GPGGA,bad*00\r\n" + b"\r\n" + gga()
    reports = [one for byte in data for one in reader.feed(bytes([byte]))]
    assert [one.place for one in reports] == [PLACE]
    assert reader.dropped >= 1


def test_nmea__a_line_without_an_end__is_dropped_and_counted() -> None:
    reader = NmeaReader()
    for _ in range(100):
        assert reader.feed(b"$" * LONGEST_SENTENCE) == []
    reader.feed(b"\r\n")
    assert reader.dropped > 40
    assert [one.place for one in reader.feed(rmc() + gga())] == [PLACE]


@given(st.lists(st.one_of(st.binary(max_size=90), st.sampled_from([rmc(), gga(), GST, GSA_2D]))))
def test_nmea__any_bytes__never_raise(parts: list[bytes]) -> None:
    NmeaReader().feed(b"\n".join(parts) + b"\n")


@given(st.text("0123456789.,-ANESWV*$GPRMCGATSN", max_size=80))
def test_nmea__any_fields_with_a_right_checksum__never_raise(fields: str) -> None:
    body = fields.replace("*", "").replace("$", "")
    for kind in ("GPRMC", "GPGGA", "GPGST", "GPGSA"):
        reader = NmeaReader()
        reader.feed(sentence(f"{kind},{body}") + rmc() + gga())


def tpv(**fields: object) -> bytes:
    found: dict[str, object] = {
        "class": "TPV",
        "device": "/dev/ttyS1",
        "mode": 3,
        "time": "2026-11-27T09:20:32.500Z",
        "lat": 52.52,
        "lon": 13.405,
        "eph": 7.5,
    }
    found |= fields
    kept = {name: value for name, value in found.items() if value is not None}
    return json.dumps(kept).encode() + b"\r\n"


def test_gpsd__a_fix__told() -> None:
    reader = GpsdReader()
    banner = b'{"class":"VERSION","release":"3.22"}\r\n{"class":"SKY"}\r\n'
    assert reader.feed(banner + tpv()) == [FixReport(FixQuality.THREE_D, PLACE, 7_500, TIME_MS)]
    assert reader.dropped == 0


@pytest.mark.parametrize(
    ("fields", "quality"),
    [
        ({"mode": 2}, FixQuality.TWO_D),
        ({"status": 2}, FixQuality.DGPS),
        ({"status": 3}, FixQuality.RTK),
        ({"status": 4}, FixQuality.RTK),
        ({"mode": 1}, FixQuality.NONE),
        ({"mode": 0}, FixQuality.NONE),
        ({"mode": None}, FixQuality.NONE),
        ({"mode": True}, FixQuality.NONE),
        ({"mode": "3"}, FixQuality.NONE),
        ({"lat": None}, FixQuality.NONE),
        ({"lon": "13"}, FixQuality.NONE),
    ],
)
def test_gpsd__kinds_of_fix__told(fields: dict[str, object], quality: FixQuality) -> None:
    (report,) = GpsdReader().feed(tpv(**fields))
    assert report.quality is quality
    assert (report.place is None) == (quality is FixQuality.NONE)


@pytest.mark.parametrize(
    ("fields", "accuracy_mm"),
    [
        ({"eph": None}, None),
        ({"eph": None, "epx": 3, "epy": 4}, 5_000),
        ({"eph": None, "epx": 3}, None),
        ({"eph": 0}, None),
        ({"eph": -1}, None),
        ({"eph": 1e9}, None),
        ({"eph": True}, None),
    ],
)
def test_gpsd__accuracy__told_or_not_known(
    fields: dict[str, object], accuracy_mm: int | None
) -> None:
    (report,) = GpsdReader().feed(tpv(**fields))
    assert report.accuracy_mm == accuracy_mm


def test_gpsd__another_device_and_places_off_the_earth__nothing() -> None:
    reader = GpsdReader("/dev/ttyS2")
    assert reader.feed(tpv()) == []
    assert len(reader.feed(tpv(device="/dev/ttyS2"))) == 1
    assert reader.feed(tpv(device="/dev/ttyS2", lat=91)) == []
    assert reader.dropped == 1


@pytest.mark.parametrize(
    "line", [b"{", b"[]", b"7", b"NaN", b"\xff", b"[" * 10_000, b'{"class":"TPV","time":7}']
)
def test_gpsd__rubbish__is_counted_and_dropped(line: bytes) -> None:
    reader = GpsdReader()
    reports = reader.feed(line + b"\n" + tpv())
    assert reports[-1].place == PLACE
    assert reader.dropped == len([1 for _ in reports]) % 2


def test_gpsd__a_line_without_an_end__is_dropped_and_counted() -> None:
    reader = GpsdReader()
    for _ in range(5):
        assert reader.feed(b"x" * LONGEST_LINE) == []
    assert reader.dropped >= 2
    reader.feed(b"\n")
    assert [one.place for one in reader.feed(tpv())] == [PLACE]
