"""Published samples as tuples of integers, and what is wrong with one of them.

    fields   0 sequence, 1 time_ms, 2 drill, 3 level, 4 flags, 5 fault_flags, 6 rpm, 7 torque_mnm,
             8 current_ma, 9 temperature_mc, 10 rental, 11 to 16 odometer: active ms, revolutions

The layout is that of docs/protocol.md and of `protocol.sample`, whose decoder takes ten times as
long; the shared vectors and random bytes show in the tests that both refuse the same.
"""

from __future__ import annotations

import struct
from collections.abc import Iterator, Sequence

LAYOUT = struct.Struct(">QQIBBHIiiiQ6Q")

Fields = tuple[int, ...]

LEVELS = 3
MOTOR_ON = 1
RENTAL, ODOMETER = 10, 11
VERSION = 0x20
KNOWN_FLAGS, KNOWN_FAULTS = 0b111, 0b11111
LAST_SEQUENCE = LAST_RENTAL = 2**63 - 1
LAST_TIME_MS = 2**43 - 1
HIGHEST_RPM = 1_000_000

Fault = tuple[int, str, str]
"""Of one sample: its place among those looked at, a finding's name, and what was found."""


def cut(content: bytes) -> list[Fields]:
    """The samples in whole multiples of 96 bytes."""
    return list(LAYOUT.iter_unpack(content))


def undecodable(fields: Fields) -> str | None:
    """Why these fields are not a sample, or None: the protocol's rules for each of them."""
    sequence, time_ms, drill, level, flags, faults, rpm = fields[:7]
    rental = fields[RENTAL]
    good = {
        f"sequence {sequence}": 1 <= sequence <= LAST_SEQUENCE,
        f"time {time_ms}": time_ms <= LAST_TIME_MS,
        f"drill {drill}": drill >= 1,
        f"level {level}": 1 <= level <= LEVELS,
        f"flags {flags:#04x}": VERSION <= flags <= VERSION | KNOWN_FLAGS,
        f"fault flags {faults:#06x}": not faults & ~KNOWN_FAULTS,
        f"{rpm} rpm": rpm <= HIGHEST_RPM,
        f"rental {rental}": rental <= LAST_RENTAL,
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
        and VERSION <= flags <= VERSION | KNOWN_FLAGS
        and faults <= KNOWN_FAULTS
        and rpm <= HIGHEST_RPM
        and fields[RENTAL] <= LAST_RENTAL
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


def misplaced(samples: Sequence[Fields], after: int, drill: int, rental: int) -> Iterator[Fault]:
    """What cannot be in the log of that rental of that drill. A sample belongs to the rental that
    it names, whatever its date.

    `after` is the sequence of the sample before them; a log's sequences rise.
    """
    for place, fields in enumerate(samples):
        sequence = fields[0]
        if fields[2] != drill:
            yield place, "sample-of-another-drill", f"it is of drill {fields[2]}, not {drill}"
        elif fields[RENTAL] != rental:
            yield place, "sample-of-another-rental", f"it names rental {fields[RENTAL]}"
        if sequence <= after:
            yield place, "sample-out-of-sequence", f"sequence {sequence} comes after {after}"
        after = sequence


def jumps(samples: Sequence[Fields], after: int) -> Iterator[tuple[int, str]]:
    """Where a sequence is not followed by the next one; `after` 0 for the first of a log."""
    for place, fields in enumerate(samples):
        if after and fields[0] != after + 1:
            yield place, f"sequence {fields[0]} comes after {after}"
        after = fields[0]
