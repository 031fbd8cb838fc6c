"""Describing views are the lens's, asked by the meter: they show storage and touch nothing."""

from __future__ import annotations

import pytest
from contracts.builders import RESERVE, Yard
from contracts.capped import open_capped
from contracts.evm import NOBODY, Reverted, reverts
from eth_hash.auto import keccak

from lab.rig.contract import SOURCES, compile_drill_meter, compile_vyper
from protocol.created import lens_address

SLOTS = compile_drill_meter().layout["storage_layout"]
LENS = compile_vyper(SOURCES / "DrillLens.vy")


def stored(yard: Yard, module: str, name: str, key: int, member: int = 0) -> int:
    """What lies in the slot where the compiler has put that entry of a map."""
    base = SLOTS[module][name]["slot"]
    slot = int.from_bytes(keccak(base.to_bytes(32, "big") + key.to_bytes(32, "big")), "big")
    return yard.chain.stored(yard.meter, slot + member)


def test_words__of_a_capped_rental_in_use__are_those_in_the_slots(yard: Yard) -> None:
    open_capped(yard, RESERVE, RESERVE, RESERVE)
    yard.chain.advance(10)
    yard.use(1, active_ms_1=500)
    key = int(yard.call("oracle", 1)["key"], 16)
    for number in (0, 1, 2, key, key | 1 << 200):
        low = number % 2**160
        assert list(yard.call("words", number).values()) == [
            stored(yard, "rentals", "terms", number),
            stored(yard, "rentals", "parties", number),
            stored(yard, "rentals", "meters", number),
            stored(yard, "rentals", "caps", number),
            stored(yard, "disputes", "refunded", number),
            [stored(yard, "tariffs", "tariffs", number, member) for member in range(3)],
            stored(yard, "drills", "drills", number),
            stored(yard, "oracles", "oracles", number),
            stored(yard, "keys", "records", low),
        ]
    assert 0 not in [yard.call("words", 1)[name] for name in ("terms", "party", "meter", "caps")]


def test_lens__of_a_deployment__is_the_contracts_first_creation(yard: Yard) -> None:
    published = bytes.fromhex(LENS.runtime[2:])
    code = yard.chain.code(lens_address(yard.meter.address))
    assert code[: len(published)] == published
    assert set(code[len(published) :]) <= {0}  # this machine pads what it runs


def test_lens__called_by_anybody_else__shows_nothing(yard: Yard) -> None:
    yard.open()
    lens = yard.chain.attach(lens_address(yard.meter.address), LENS.abi)
    with pytest.raises(Reverted):
        lens.call("rental", 1)
    assert lens.call("read_meter", 5) == yard.call("read_meter", 5)


@pytest.mark.parametrize("data", [b"", b"\x00", b"\x01\x02\x03\x04", b"\xff" * 4 + bytes(32)])
def test_call__of_a_function_that_neither_has__reverts_without_a_text(yard: Yard, data) -> None:
    with reverts(""):
        yard.chain.transact(yard.provider, yard.meter, data)


def test_view__with_coins__reverts(yard: Yard) -> None:
    yard.chain.give(NOBODY, 10)
    with reverts(""):
        yard.chain.transact(NOBODY, yard.meter, yard.meter.encode("drill", 1), value=1)


def test_view__as_a_transaction__changes_nothing(yard: Yard) -> None:
    output, events, _gas = yard.chain.transact(
        yard.provider, yard.meter, yard.meter.encode("drill", 1)
    )
    assert events == []
    assert output == yard.chain.view(yard.meter, yard.meter.encode("drill", 1))
