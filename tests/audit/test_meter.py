"""The auditor's meter, tree and decoder, against the shared vectors and `protocol`."""

from __future__ import annotations

import os
import random
from typing import Any

import pytest
from conftest import vectors
from hypothesis import given
from hypothesis import strategies as st

from audit.samples.leaves import extended
from audit.samples.meter import AuditedMeter, worth
from audit.samples.samples import cut, decodable, is_sample, jumps, misplaced, undecodable
from protocol.errors import SampleError
from protocol.merkle import Frontier, leaf_hash, tree_root
from protocol.sample import SAMPLE_BYTES, decode_sample

CASES = vectors("meter.json")["cases"]


def raw(text: str) -> bytes:
    return bytes.fromhex(text.removeprefix("0x"))


def meter_of(case: Any) -> AuditedMeter:
    return AuditedMeter(tuple(int(highest) for highest in case["max_rpm"]))


@pytest.mark.parametrize("case", CASES, ids=lambda case: case["why"])
def test_take__shared_vectors__agree_at_every_size(case: Any) -> None:
    samples = cut(b"".join(map(raw, case["samples"])))
    for at in case["at"]:
        meter = meter_of(case)
        meter.take(samples[: at["size"]])
        assert meter.registers == tuple(int(value) for value in at["registers"].values())


@pytest.mark.parametrize("case", CASES, ids=lambda case: case["why"])
def test_take__one_by_one_or_at_once__the_same_registers_and_gaps(case: Any) -> None:
    samples = cut(b"".join(map(raw, case["samples"])))
    slow, fast = meter_of(case), meter_of(case)
    found = [gap for sample in samples for gap in slow.take([sample])]
    assert fast.take(samples) == found
    assert fast == slow
    assert [(gap.last[0], gap.next[0], gap.missed[0]) for gap in found] == [
        tuple(int(value) for value in gap.values()) for gap in case["gaps"]
    ]


def test_worth__usage__rounded_down_once() -> None:
    levels = ((1, 0, 0), (0, 1, 0), (1, 1, 0))
    assert worth((999, 0, 1, 0, 999, 1_000), levels) == 2


def both_refuse(content: bytes) -> bool:
    fields = cut(content)[0]
    try:
        decode_sample(content)
    except SampleError:
        assert not is_sample(fields)
        assert undecodable(fields) is not None
        return True
    assert is_sample(fields)
    assert undecodable(fields) is None
    return False


def test_is_sample__shared_vectors__as_the_protocol() -> None:
    found = vectors("samples.json")
    assert not any(both_refuse(raw(one["bytes"])) for one in found["samples"])
    bad = [raw(one["bytes"]) for one in found["not_samples"]]
    assert all(both_refuse(one) for one in bad if len(one) == SAMPLE_BYTES)


@given(st.sampled_from(vectors("samples.json")["samples"]), st.integers(0, 27), st.integers(0, 255))
def test_is_sample__one_byte_changed__as_the_protocol(case: Any, place: int, byte: int) -> None:
    content = bytearray(raw(case["bytes"]))
    content[place] = byte
    both_refuse(bytes(content))


@pytest.mark.parametrize("seed", range(5))
def test_extended__in_parts_of_any_size__root_of_the_whole(seed: int) -> None:
    sizes = random.Random(seed)  # noqa: S311
    content, frontier, done = os.urandom(700 * SAMPLE_BYTES), Frontier(), 0
    leaves = [
        leaf_hash(content[place : place + SAMPLE_BYTES])
        for place in range(0, len(content), SAMPLE_BYTES)
    ]
    while done < len(leaves):
        more = min(sizes.choice([0, 1, 2, 5, 64, 200]), len(leaves) - done)
        part = content[done * SAMPLE_BYTES : (done + more) * SAMPLE_BYTES]
        frontier = extended(frontier, part)
        done += more
        assert frontier.size == done
        assert frontier.root() == tree_root(leaves[:done])


def good() -> list[tuple[int, ...]]:
    """Five samples of drill 1 that name rental 7, sequences 5 to 9."""
    return [(5 + n, 100 + n, 1, 1, 0x20, 0, 0, 0, 0, 0, 7, *[0] * 6) for n in range(5)]


def test_misplaced__nothing_amiss__nothing() -> None:
    assert list(misplaced(good(), 4, 1, 7)) == []


@pytest.mark.parametrize(
    ("field", "value", "name"),
    [
        (0, 6, "sample-out-of-sequence"),
        (10, 6, "sample-of-another-rental"),
        (10, 0, "sample-of-another-rental"),
        (2, 2, "sample-of-another-drill"),
    ],
)
def test_misplaced__one_field_changed__named_with_its_place(
    field: int, value: int, name: str
) -> None:
    samples = good()
    samples[2] = (*samples[2][:field], value, *samples[2][field + 1 :])
    assert [(place, found) for place, found, _ in misplaced(samples, 4, 1, 7)] == [(2, name)]


def test_misplaced__not_the_next_log__out_of_sequence() -> None:
    assert [name for _, name, _ in misplaced(good(), 5, 1, 7)] == ["sample-out-of-sequence"]


def test_jumps__one_missing__named() -> None:
    samples = good()
    del samples[3]
    assert list(jumps(samples, 0)) == [(3, "sequence 9 comes after 7")]
    assert next(jumps(samples, 3)) == (0, "sequence 5 comes after 3")


def test_decodable__one_is_none__the_others_keep_their_places() -> None:
    samples = good()
    samples[1] = (*samples[1][:3], 4, *samples[1][4:])
    kept, places, faults = decodable(samples)
    assert (list(places), len(kept)) == ([0, 2, 3, 4], 4)
    assert faults == [(1, "sample-undecodable", "no sample has level 4")]
