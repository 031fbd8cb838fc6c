"""Replaying a CSV file, and every way in which it can be wrong."""

from __future__ import annotations

from pathlib import Path

import pytest

from device.errors import TraceError
from device.trace import Column, Trace, parse_columns, read_trace

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
        "rpm": Column("a b", 60),
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
        ("n,m,m,t,l\n1,1,1,1,1\n", "column 'm' is twice"),
        ("n,m,t,l\n1,1,1,1\nabc,1,2,1\n", "row 2: n is 'abc', not a number"),
        ("n,m,t,l\n1,,1,1\n", "row 1: m is '', not a number"),
        ("n,m,t,l\n1,1\n", "row 1: t is None, not a number"),
        ("n,m,t,l\nnan,1,1,1\n", "not a number"),
        ("n,m,t,l\n1,inf,1,1\n", "not a number"),
        ("n,m,t,l\n-5,1,1,1\n", "row 1: rpm must lie in 0"),
        ("n,m,t,l\n2000000,1,1,1\n", "row 1: rpm must lie in 0"),
        ("n,m,t,l\n1,1e9,1,1\n", "row 1: torque must lie"),
        ("n,m,t,l\n1,1,1,1\n1,1,0,1\n", "row 2: time does not advance"),
        ("n,m,t,l\n1,1,1,1\n1,1,1,1\n", "row 2: time does not advance"),
        ("n,m,t,l\n1,1,1e300,1\n", "row 1: time must lie"),
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
