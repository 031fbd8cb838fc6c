"""The records refuse what does not fit the contract."""

from __future__ import annotations

import pytest

from protocol.errors import RecordError
from protocol.records import Domain, Lease, LevelRate, Reading, Registers, Tariff, require_uint

ROOT = bytes(32)
RATE = LevelRate(1, 2, 3)


@pytest.mark.parametrize("value", [-1, 2**256, 1.0, "1", None, True])
def test_require_uint__not_an_unsigned_word__is_refused(value: object) -> None:
    with pytest.raises(RecordError, match="speed must"):
        require_uint("speed", value)  # type: ignore[arg-type]


def test_require_uint__largest_of_its_bits__is_returned() -> None:
    assert require_uint("speed", 2**256 - 1) == 2**256 - 1
    assert require_uint("speed", 255, bits=8) == 255
    with pytest.raises(RecordError, match=r"0 \.\. 2\^8-1, not 256"):
        require_uint("speed", 256, bits=8)


def test_registers__six_numbers__keep_their_order() -> None:
    registers = Registers(1, 2, 3, 4, 5, 6)
    assert registers.active_ms == (1, 2, 3)
    assert registers.revolutions == (4, 5, 6)
    assert registers.as_tuple() == (1, 2, 3, 4, 5, 6)
    assert Registers.from_levels((1, 2, 3), (4, 5, 6)) == registers


@pytest.mark.parametrize("place", range(6))
def test_registers__negative_number__is_refused_by_name(place: int) -> None:
    values = [0] * 6
    values[place] = -1
    with pytest.raises(RecordError, match=r"(active_ms|revolutions)_[123] must lie"):
        Registers(*values)


@pytest.mark.parametrize(("active", "turns"), [((1, 2), (1, 2, 3)), ((1, 2, 3), (1, 2, 3, 4))])
def test_from_levels__not_three_levels__is_refused(
    active: tuple[int, ...], turns: tuple[int, ...]
) -> None:
    with pytest.raises(RecordError, match="registers need 3 levels"):
        Registers.from_levels(active, turns)


def test_words__of_a_reading__are_in_the_order_of_the_typed_data() -> None:
    reading = Reading(1, 2, Registers(3, 4, 5, 6, 7, 8), 9, ROOT)
    assert reading.words() == (1, 2, 3, 4, 5, 6, 7, 8, 9, ROOT)


@pytest.mark.parametrize(
    ("rental", "until", "size", "root", "name"),
    [
        (-1, 0, 0, ROOT, "rental"),
        (1, 2**256, 0, ROOT, "until"),
        (1, 0, -1, ROOT, "log_size"),
        (1, 0, 0, bytes(31), "log_root"),
        (1, 0, 0, "00" * 16, "log_root"),
    ],
)
def test_reading__field_out_of_range__is_refused_by_name(
    rental: int, until: int, size: int, root: object, name: str
) -> None:
    with pytest.raises(RecordError, match=f"{name} must"):
        Reading(rental, until, Registers(), size, root)  # type: ignore[arg-type]


def test_words__of_a_lease__are_in_the_order_of_the_typed_data() -> None:
    assert Lease(1, 2, 3, 4, 5, 6).words() == (1, 2, 3, 4, 5, 6)


@pytest.mark.parametrize("expires_at", [9, 10])
def test_lease__that_ends_before_it_begins__is_refused(expires_at: int) -> None:
    with pytest.raises(RecordError, match="must expire after"):
        Lease(1, 1, 10, expires_at, 1, 1)


def test_lease__negative_number__is_refused_by_name() -> None:
    with pytest.raises(RecordError, match="block_number must lie"):
        Lease(1, 1, 1, 2, -1, 1)


def test_tariff__not_three_levels__is_refused() -> None:
    with pytest.raises(RecordError, match="3 levels, not 2"):
        Tariff((RATE, RATE), 0, 0)  # type: ignore[arg-type]


@pytest.mark.parametrize("standing", [-1, 0.5])
def test_tariff__price_that_is_none__is_refused(standing: object) -> None:
    with pytest.raises(RecordError, match="standing_price_per_second"):
        Tariff((RATE, RATE, RATE), standing, 0)  # type: ignore[arg-type]
    with pytest.raises(RecordError, match="least_reserve"):
        Tariff((RATE, RATE, RATE), 0, standing)  # type: ignore[arg-type]


def test_level_rate__negative_price__is_refused_by_name() -> None:
    with pytest.raises(RecordError, match="price_per_1000_revolutions"):
        LevelRate(1, -1, 1)


@pytest.mark.parametrize(
    "contract", ["", "0x", "0x" + "0" * 39, "0x" + "0" * 41, "0x" + "g" * 40, "00" * 21, None]
)
def test_domain__no_address__is_refused(contract: object) -> None:
    with pytest.raises(RecordError, match="contract must be"):
        Domain(1, contract)  # type: ignore[arg-type]


def test_domain__no_chain__is_refused() -> None:
    with pytest.raises(RecordError, match="chain_id"):
        Domain(-1, "0x" + "00" * 20)
