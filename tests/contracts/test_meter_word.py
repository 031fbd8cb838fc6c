"""The meter word means the same to the contract and to protocol.meter_word."""

from __future__ import annotations

import pytest
from contracts.builders import Yard
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from protocol.meter_word import pack_meter, unpack_meter
from protocol.records import Registers

WIDTHS = {
    "until": (0, 43),
    "active_ms_1": (43, 37),
    "active_ms_2": (80, 37),
    "active_ms_3": (117, 37),
    "revolutions_1": (154, 34),
    "revolutions_2": (188, 34),
    "revolutions_3": (222, 34),
}
"""Where each field lies and how wide it is, as docs/protocol.md and the contract's header say."""

often = settings(
    max_examples=100,
    deadline=None,
    derandomize=True,
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)
meters = st.builds(Registers, *[st.integers(0, 2**37 - 1)] * 3, *[st.integers(0, 2**34 - 1)] * 3)


def by_contract(yard: Yard, word: int) -> tuple[int, Registers]:
    until, registers = yard.call("read_meter", word)
    return until, Registers(**registers)


@often
@given(word=st.integers(0, 2**256 - 1))
@example(word=0)
@example(word=2**256 - 1)
def test_read_meter__any_word__is_what_python_reads(yard: Yard, word):
    assert by_contract(yard, word) == unpack_meter(word)


@often
@given(until=st.integers(0, 2**43 - 1), registers=meters)
def test_read_meter__a_packed_reading__comes_back(yard: Yard, until, registers):
    assert by_contract(yard, pack_meter(until, registers)) == (until, registers)


@pytest.mark.parametrize("field", WIDTHS)
@pytest.mark.parametrize("value", ["one", "widest"])
def test_read_meter__one_field_alone__is_where_the_layout_says(yard: Yard, field, value):
    shift, width = WIDTHS[field]
    number = 1 if value == "one" else 2**width - 1
    until, registers = yard.call("read_meter", number << shift)
    assert {"until": until, **registers} == dict.fromkeys(WIDTHS, 0) | {field: number}


def test_read_meter__of_what_was_settled__is_the_reading(yard: Yard):
    rental = yard.open()
    yard.chain.advance(60)
    reading = yard.reading(
        rental,
        active_ms_1=11_000,
        active_ms_2=12_000,
        active_ms_3=13_000,
        revolutions_1=101,
        revolutions_2=102,
        revolutions_3=103,
    )
    (settled,) = yard.settle(yard.signed(reading)).events
    assert by_contract(yard, settled.args["meter"]) == (reading.until, reading.registers)
    assert Registers(**yard.call("registers", rental)) == reading.registers
