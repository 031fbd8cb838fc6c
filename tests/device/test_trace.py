"""Replaying a CSV file, and every way in which it can be wrong."""

from __future__ import annotations

import contextlib
import os
import threading
from pathlib import Path

import pytest

from device.drill.trace import Column, Direction, Trace, parse_columns, read_trace
from device.errors import TraceError

SPEC = "rpm=Rotational speed [rpm],torque=Torque [Nm]"
HEADER = "UDI,Rotational speed [rpm],Torque [Nm]\n"


def write(tmp_path: Path, text: str) -> Path:
    path = tmp_path / "trace.csv"
    path.write_text(text, encoding="utf-8")
    return path


def levels(trace: Trace, *motor_ms: int) -> list[int]:
    return [trace.load(1, at).level for at in motor_ms]


def test_read_trace__names_with_spaces_and_a_byte_order_mark__are_found(tmp_path: Path) -> None:
    path = write(tmp_path, "\ufeff" + HEADER.replace("UDI,", "") + "1551,42.8\n1408,2\n")
    trace = read_trace(path, SPEC)
    assert len(trace) == 2
    first = trace.load(1, 0)
    assert (first.rpm, first.torque_nm, first.level, first.recorded) == (1551, 42.8, 3, True)
    assert trace.load(1, 99) == first
    assert levels(trace, 100, 199, 200) == [1, 1, 3]  # after the last row it starts again


def test_read_trace__time_and_level_columns__are_used(tmp_path: Path) -> None:
    path = write(tmp_path, "t,n,m,l\n10,60,1,2\n10.5,60,1,3\n12,60,1,1\n")
    trace = read_trace(path, "rpm=n,torque=m,time=t,level=l")
    assert levels(trace, 0, 499, 500, 1999, 2000, 3499, 3500) == [2, 2, 3, 3, 1, 1, 2]


def test_read_trace__sample_period__spaces_the_rows(tmp_path: Path) -> None:
    trace = read_trace(write(tmp_path, HEADER + "1,5,1\n2,5,5\n"), SPEC, 1000)
    assert levels(trace, 999, 1000, 1999, 2000) == [1, 2, 2, 1]


def test_read_trace__scaled_columns__are_multiplied(tmp_path: Path) -> None:
    path = write(tmp_path, "speed [1/s],M\n10,5000\n")
    load = read_trace(path, "rpm=speed [1/s]*60,torque=M*0.001").load(1, 0)
    assert (load.rpm, load.torque_nm, load.level) == (600, 5, 2)


def test_parse_columns__good_specification__gives_names_and_factors() -> None:
    assert parse_columns("rpm=a b*60, torque=c,level=d") == {
        "rpm": Column("a b", 60, scaled=True),
        "torque": Column("c"),
        "level": Column("d"),
    }


@pytest.mark.parametrize(
    ("spec", "message"),
    [
        ("", "expected key=NAME"),
        ("rpm", "expected key=NAME"),
        ("rpm=,torque=a", "expected key=NAME"),
        ("rpm=a", "torque is missing"),
        ("torque=a", "rpm is missing"),
        ("rpm=a,rpm=b,torque=c", "rpm is given twice"),
        ("rpm=a,torque=b,speed=c", "unknown key 'speed'"),
        ("rpm=a*x,torque=b", "expected NAME\\*FACTOR"),
        ("rpm=a*0,torque=b", "over 0"),
        ("rpm=a*-1,torque=b", "over 0"),
        ("rpm=a*nan,torque=b", "over 0"),
        ("rpm=a,rps=c,torque=b", "rpm or rps, not both"),
        ("rpm=a*,torque=b", "expected NAME\\*FACTOR"),
    ],
)
def test_parse_columns__bad_specification__says_what_is_wrong(spec: str, message: str) -> None:
    with pytest.raises(TraceError, match=message):
        parse_columns(spec)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "column 'n' is not there"),
        ("n,m,t,l\n", "no rows"),
        ("n,x,t,l\n1,1,1,1\n", "column 'm' is not there"),
        ("n,m,m,t,l\n1,1,1,1,1\n", "column 'm' is there twice"),
        ("n,m,t,l\n1,1,1,1\nabc,1,2,1\n", "row 2: n is 'abc', not a number"),
        ("n,m,t,l\n1,,1,1\n", "row 1: m is '', not a number"),
        ("n,m,t,l\n1,1\n", "row 1: 2 cells under 4 names"),
        (
            "n,m,t,l\n0,5,1,5,0,1,1\n",
            "row 1: 7 cells under 4 names; decimal commas need another delimiter",
        ),
        ("n;m;t;l\n1;2;3;4;5\n", "row 1: 5 cells under 4 names$"),
        ("n;m;t;l\n1.234,5;2;3;1\n", "row 1: n is '1.234,5', not a number"),
        ("n;m;t;l\n1,234,5;2;3;1\n", "row 1: n is '1,234,5', not a number"),
        ("n,m,t,l\n1,1,25.10.2026 02:59,1\n", "neither a number nor a time in ISO 8601"),
        ("n,m,t,l\n1,1,2026-10-25T02:59:59,1\n1,1,5,1\n", "row 2: t is '5', unlike the first"),
        ("n,m,t,l\n1,1,2026-10-25T02:59:59,1\n1,1,2026-10-25T02:00:00,1\n", "not advance"),
        ("n,m,t,l\nnan,1,1,1\n", "not a number"),
        ("n,m,t,l\n1,inf,1,1\n", "not a number"),
        ("n,m,t,l\n2000000,1,1,1\n", "row 1: rpm must lie in 0"),
        ("n,m,t,l\n1,1e9,1,1\n", "row 1: torque must lie"),
        ("n,m,t,l\n1,1,1,1\n1,1,0,1\n", "row 2: time does not advance"),
        ("n,m,t,l\n1,1,1,1\n1,1,1,1\n", "row 2: time does not advance"),
        ("n,m,t,l\n1,1,1e300,1\n", "row 1: 1e300 is not a time"),
        ("n,m,t,l\n1,1,0,1\n1,1,1e10,1\n", "row 2: time must lie"),
        ("n,m,t,l\n1,1,1,4\n", "row 1: level must be 1, 2 or 3, not 4"),
        ("n,m,t,l\n1,1,1,1.5\n", "level must be 1, 2 or 3, not 1.5"),
        ('n,m,t,l\n"1"x,1,1,1\n', "not a CSV file"),
    ],
)
def test_read_trace__bad_file__names_file_and_row(tmp_path: Path, text: str, message: str) -> None:
    path = write(tmp_path, text)
    with pytest.raises(TraceError, match=message) as caught:
        read_trace(path, "rpm=n,torque=m,time=t,level=l")
    assert str(path) in str(caught.value)


TIMES = {
    "seconds": ("0.0", "0.1", "0.2"),
    "decimal commas": ("0,0", "0,1", "0,2"),
    "Unix seconds": ("1795900000.0", "1795900000.1", "1795900000.2"),
    "Unix ms": ("1795900000000", "1795900000100", "1795900000200"),
    "Unix us": ("1795900000000000", "1795900000100000", "1795900000200000"),
    "Unix ns": ("1795900000000000000", "1795900000100000000", "1795900000200000000"),
    "ISO, end of summer time": (
        "2026-10-25T02:59:59.900+02:00",
        "2026-10-25T02:00:00.000+01:00",
        "2026-10-25T02:00:00.100+01:00",
    ),
    "ISO without a zone": (
        "2026-10-25 02:00:00",
        "2026-10-25 02:00:00.100",
        "2026-10-25 02:00:00.200",
    ),
}


@pytest.mark.parametrize("times", TIMES.values(), ids=TIMES)
@pytest.mark.parametrize("delimiter", [";", "\t"])
def test_read_trace__time_in_any_of_its_forms__is_seconds_since_the_first_row(
    tmp_path: Path, times: tuple[str, ...], delimiter: str
) -> None:
    rows = [["Zeit", "Drehzahl [1/min]", "M"]]
    rows += [[time, f"{60 + 0.5 * n}".replace(".", ","), "1,5"] for n, time in enumerate(times)]
    path = write(tmp_path, "\n".join(delimiter.join(row) for row in rows))
    trace = read_trace(path, "rpm=Drehzahl [1/min],torque=M,time=Zeit")
    at = {ms: trace.load(1, ms) for ms in (0, 99, 100, 199, 200, 299, 300)}
    assert [load.rpm for load in at.values()] == [60, 60, 60.5, 60.5, 61, 61, 60]
    assert at[0].torque_nm == 1.5
    assert trace.notes.seconds == 0.3


def test_read_trace__time_with_a_factor__is_not_interpreted(tmp_path: Path) -> None:
    path = write(tmp_path, "t,n,m\n1795900000000,60,1\n1795900000500,70,1\n")
    assert read_trace(path, "rpm=n,torque=m,time=t*0.01").load(1, 4_999).rpm == 60


def test_read_trace__revolutions_per_second__are_named(tmp_path: Path) -> None:
    path = write(tmp_path, "v,m\n41.5,1\n")
    assert read_trace(path, "rps=v,torque=m").load(1, 0).rpm == 2490


def test_read_trace__noise_and_the_other_direction__are_rest_and_turning(tmp_path: Path) -> None:
    path = write(tmp_path, "n,m\n-0.06,0\n0.99,0\n-1,1\n-2497.5,1\n2500,1\n0,0\n")
    trace = read_trace(path, "rpm=n,torque=m")
    speeds = [trace.load(1, ms).rpm for ms in range(0, 600, 100)]
    assert speeds == [0, 0, 1, 2497.5, 2500, 0]
    assert (trace.notes.still_rows, trace.notes.reversed_rows) == (2, 2)
    finer = read_trace(path, "rpm=n,torque=m", direction=Direction(dead_band_rpm=0))
    assert [finer.load(1, ms).rpm for ms in (0, 100)] == [0.06, 0.99]
    with pytest.raises(TraceError, match="row 3: rpm must lie in 0"):
        read_trace(path, "rpm=n,torque=m", direction=Direction(forward=True))


def test_read_trace__pause_of_two_hours__is_cut_to_one_step(tmp_path: Path) -> None:
    times = [0.0, 0.1, 0.2, 1.2, 1.3, 7201.3, 7201.4]
    path = write(tmp_path, "t,n,m\n" + "".join(f"{t},{60 + n},1\n" for n, t in enumerate(times)))
    trace = read_trace(path, "rpm=n,torque=m,time=t")
    at = {200: 62, 1_199: 62, 1_200: 63, 1_399: 64, 1_400: 65, 1_500: 66, 1_599: 66, 1_600: 60}
    assert {ms: trace.load(1, ms).rpm for ms in at} == at
    assert (trace.notes.pauses, trace.notes.pause_seconds, trace.notes.seconds) == (1, 7199.9, 1.6)


def test_read_trace__rows_within_a_millisecond__the_first_of_each_counts(tmp_path: Path) -> None:
    rows = "".join(f"{n / 4000},{60 + n},1\n" for n in range(40))
    trace = read_trace(write(tmp_path, "t,n,m\n" + rows), "rpm=n,torque=m,time=t")
    assert len(trace) == 40 - trace.notes.thinned_rows == 11
    assert [trace.load(1, ms).rpm for ms in (0, 1, 5)] == [60, 63, 79]


def test_read_trace__file_without_an_end__is_bounded(tmp_path: Path) -> None:
    with pytest.raises(TraceError, match="line 1 has more than 65536 bytes"):
        read_trace(Path("/dev/zero"), SPEC)
    long = write(tmp_path, HEADER + "1" * 70_000)
    with pytest.raises(TraceError, match="line 2 has more than 65536 bytes"):
        read_trace(long, SPEC)


@pytest.mark.parametrize("line", [b"1,2,3\n", b"\n", b'"1\n'])
def test_read_trace__pipe_without_an_end__is_bounded(
    line: bytes, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("device.drill.trace_file.MAX_ROWS", 1_000)
    reader, writer = os.pipe()

    def write_for_ever() -> None:
        with os.fdopen(writer, "wb", buffering=0) as file, contextlib.suppress(BrokenPipeError):
            file.write(HEADER.encode())
            while True:
                file.write(line)

    thread = threading.Thread(target=write_for_ever)
    thread.start()
    try:
        with pytest.raises(TraceError, match=r"more than 1000 rows|not a CSV"):
            read_trace(Path(f"/dev/fd/{reader}"), SPEC)
    finally:
        os.close(reader)
        thread.join(20)


def test_read_trace__more_bytes_than_a_trace_has__is_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("device.drill.trace_file.MAX_BYTES", 1_000)
    path = write(tmp_path, HEADER + "1,2,3\n" * 500)
    with pytest.raises(TraceError, match="more than 1000 bytes"):
        read_trace(path, SPEC)


def test_read_trace__no_such_file__is_named(tmp_path: Path) -> None:
    with pytest.raises(TraceError, match="No such file"):
        read_trace(tmp_path / "none.csv", SPEC)


def test_read_trace__binary_file__is_refused(tmp_path: Path) -> None:
    path = tmp_path / "binary"
    path.write_bytes(b"\xff\xfe\x00\x01")
    with pytest.raises(TraceError, match="not a CSV file in UTF-8"):
        read_trace(path, SPEC)


def test_read_trace__period_with_time_column_or_below_1__is_refused(tmp_path: Path) -> None:
    path = write(tmp_path, "n,m,t\n1,1,1\n")
    with pytest.raises(TraceError, match="not both"):
        read_trace(path, "rpm=n,torque=m,time=t", 100)
    with pytest.raises(TraceError, match="at least 1 ms"):
        read_trace(path, "rpm=n,torque=m", 0)
