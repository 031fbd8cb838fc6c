"""Published samples as tuples of integers, and what is wrong with one of them.

    fields   0 sequence, 1 time_ms, 2 drill, 3 level, 4 flags, 5 fault_flags, 6 rpm, 7 torque_mnm,
             8 current_ma, 9 temperature_mc, 10 to 15 odometer: active ms, revolutions

The layout is that of docs/protocol.md and of `protocol.sample`, whose decoder takes ten times as
long; the shared vectors and random bytes show in the tests that both refuse the same.
"""

from __future__ import annotations

import struct
from collections.abc import Iterator, Sequence

LAYOUT = struct.Struct(">QQIBBHIiii6Q")

Fields = tuple[int, ...]

LEVELS = 3
MOTOR_ON = 1
KNOWN_FLAGS, KNOWN_FAULTS = 0b111, 0b11111
LAST_SEQUENCE = 2**63 - 1
LAST_TIME_MS = 2**43 - 1
HIGHEST_RPM = 1_000_000

Fault = tuple[int, str, str]
"""Of one sample: its place among those looked at, a finding's name, and what was found."""


def cut(content: bytes) -> list[Fields]:
    """The samples in whole multiples of 88 bytes."""
    return list(LAYOUT.iter_unpack(content))


def undecodable(fields: Fields) -> str | None:
    """Why these fields are no sample, or None: the protocol's rules for each of them."""
    sequence, time_ms, drill, level, flags, faults, rpm = fields[:7]
    good = {
        f"sequence {sequence}": 1 <= sequence <= LAST_SEQUENCE,
        f"time {time_ms}": time_ms <= LAST_TIME_MS,
        f"drill {drill}": drill >= 1,
        f"level {level}": 1 <= level <= LEVELS,
        f"flags {flags:#04x}": not flags & ~KNOWN_FLAGS,
        f"fault flags {faults:#06x}": not faults & ~KNOWN_FAULTS,
        f"{rpm} rpm": rpm <= HIGHEST_RPM,
    }
    return next((what for what, fine in good.items() if not fine), None)


def is_sample(fields: Fields) -> bool:
    """Whether `undecodable` has nothing to say, at a tenth of its cost."""
    sequence, time_ms, drill, level, flags, faults, rpm = fields[:7]
    return (
        1 <= sequence <= LAST_SEQUENCE
        and time_ms <= LAST_TIME_MS
        and drill >= 1
        and 1 <= level <= LEVELS
        and flags <= KNOWN_FLAGS
        and faults <= KNOWN_FAULTS
        and rpm <= HIGHEST_RPM
    )


def decodable(samples: Sequence[Fields]) -> tuple[Sequence[Fields], Sequence[int], list[Fault]]:
    """The samples that are some, their places, and what is wrong with the others."""
    faults: list[Fault] = [
        (place, "sample-undecodable", f"no sample has {undecodable(fields)}")
        for place, fields in enumerate(samples)
        if not is_sample(fields)
    ]
    places: Sequence[int] = range(len(samples))
    if faults:
        bad = {place for place, _, _ in faults}
        places = [place for place in places if place not in bad]
        samples = [samples[place] for place in places]
    return samples, places, faults


def misplaced(
    samples: Sequence[Fields], after: int, drill: int, first_ms: int, last_ms: int | None
) -> Iterator[Fault]:
    """What cannot be in the log of a rental of that drill, from `first_ms` to `last_ms` (Unix ms).

    `after` is the sequence of the sample before them; a log's sequences rise.
    """
    end_ms = LAST_TIME_MS if last_ms is None else last_ms
    for place, fields in enumerate(samples):
        sequence, time_ms = fields[0], fields[1]
        if fields[2] != drill:
            yield place, "sample-of-another-drill", f"it is of drill {fields[2]}, not {drill}"
        elif not first_ms <= time_ms <= end_ms:
            text = f"it is of {time_ms}, the rental lasts from {first_ms} to {last_ms or 'now'}"
            yield place, "sample-outside-rental", text
        if sequence <= after:
            yield place, "sample-out-of-sequence", f"sequence {sequence} comes after {after}"
        after = sequence


def jumps(samples: Sequence[Fields], after: int) -> Iterator[tuple[int, str]]:
    """Where a sequence is not followed by the next one; `after` 0 for the first of a log."""
    for place, fields in enumerate(samples):
        if after and fields[0] != after + 1:
            yield place, f"sequence {fields[0]} comes after {after}"
        after = fields[0]
