"""The attack with malformed frames and messages, short; and that it sees what is let through."""

from __future__ import annotations

import zlib
from collections.abc import Iterator

import pytest
import structlog

from lab.malformed.__main__ import attack
from lab.malformed.frames import Accepted
from protocol import sealing


@pytest.fixture(autouse=True)
def _logs_as_they_were() -> Iterator[None]:
    yield
    structlog.reset_defaults()


def test_attack__each_kind_of_malformed__nothing_is_accepted() -> None:
    result = attack(20_000, 4_000, seed=1)
    assert (result["accepted"], result["crashes"]) == (0, 0)
    assert result["frames"] >= 20_000
    assert result["messages"] == 4_000
    assert len(result["kinds"]) > 80


def test_attack__checksum_of_eight_bits__a_damaged_frame_is_seen_to_pass(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    crc32 = zlib.crc32
    monkeypatch.setattr("protocol.serial.frames.zlib.crc32", lambda data: crc32(data) & 0xFF)
    monkeypatch.setattr("lab.malformed.frames.senseless", lambda *_: 0)
    with pytest.raises(Accepted, match="damaged frame"):
        attack(20_000, 2, seed=1)


def test_attack__seal_not_checked__the_message_is_seen_to_pass(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(
        "oracle.core.unseal", lambda _key, _topic, sealed: sealed[: -sealing.MAC_BYTES]
    )
    with pytest.raises(Accepted, match="oracle"):
        attack(2, 200, seed=1)
