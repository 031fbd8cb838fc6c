"""The binary sample: what a drill's controller reports, in 96 bytes.

    offset  size  field               unit
    0       8     sequence            1 for the drill's first sample ever, then +1 each; < 2^63
    8       8     time_ms             Unix ms, the controller's clock; < 2^43 (the year 2248)
    16      4     drill               the drill's number in the contract
    20      1     level               1, 2 or 3
    21      1     flags               bit 0 motor on, bit 1 trigger pulled, bit 2 start inhibited;
                                      bits 4 to 7 the layout's version, 2
    22      2     fault_flags         bit field, 0 means none; see Fault
    24      4     rpm                 spindle revolutions per minute
    28      4     torque_mnm          millinewton metres, signed
    32      4     current_ma          milliamperes of motor current, signed
    36      4     temperature_mc      thousandths of a degree Celsius at the motor, signed
    40      8     rental              whose log it belongs to, see below; < 2^63, 0 for nobody's
    48      3*8   odometer active_ms  ms with the motor on since manufacture, level 1 first
    72      3*8   odometer revolutions  spindle revolutions with the motor on, level 1 first

All integers are big endian. The encoding is canonical: bytes decode to one sample and that
sample encodes to the same bytes, so the bytes are the leaf of the sample log.

The rental is the controller's word on whose use this is, and no clock has a part in it: from the
start of a stroke until the spindle stands still it is the one whose lease the motor was started
under, and at rest the one that the newest lease or refusal was about. Version 1, of 88 bytes and
with those bits 0, named no rental; it is refused.
"""

from __future__ import annotations

import struct
from dataclasses import dataclass
from enum import IntFlag

from protocol.errors import SampleError
from protocol.records import LEVELS, Registers

_LAYOUT = struct.Struct(">QQIBBHIiiiQ6Q")
SAMPLE_BYTES = _LAYOUT.size

MAX_RPM = 1_000_000
"""Above any spindle that exists (air bearings reach 300,000); a larger value is line noise."""

SAMPLE_PERIOD_MS = 100
"""A turning drill reports at this period; a longer silence than two periods bills nothing."""

GAP_MS = 2 * SAMPLE_PERIOD_MS

MAX_SEQUENCE = 2**63 - 1
"""What a database holds in an integer; ten samples a second reach it in 29 billion years."""

MAX_RENTAL = 2**63 - 1
"""What a database holds in an integer; the contract numbers rentals from 1."""

MAX_TIME_MS = 2**43 - 1
"""What the contract's meter word holds."""

_MOTOR_ON, _TRIGGER, _INHIBITED = 1, 2, 4
_VERSION = 2 << 4
_VERSION_BITS = 0xF0


class ControllerFault(IntFlag):
    """Why a controller refuses to start or cuts the motor by itself."""

    NONE = 0
    EMERGENCY_STOP = 1
    OVER_TEMPERATURE = 2
    OVER_CURRENT = 4
    STALL = 8
    SENSOR = 16


_KNOWN_FAULTS = sum(ControllerFault)


@dataclass(frozen=True, slots=True)
class Sample:
    """One raw report of a drill's controller; fields and units as in the table above."""

    sequence: int
    time_ms: int
    drill: int
    level: int
    motor_on: bool
    trigger: bool
    inhibited: bool
    fault_flags: ControllerFault
    rpm: int
    torque_mnm: int
    current_ma: int
    temperature_mc: int
    rental: int
    odometer: Registers


def encode_sample(sample: Sample) -> bytes:
    """Return the 96 bytes of a sample; raises SampleError when a field is out of range."""
    _check(sample)
    flags = _MOTOR_ON * sample.motor_on + _TRIGGER * sample.trigger + _INHIBITED * sample.inhibited
    flags |= _VERSION
    try:
        return _LAYOUT.pack(
            sample.sequence,
            sample.time_ms,
            sample.drill,
            sample.level,
            flags,
            sample.fault_flags,
            sample.rpm,
            sample.torque_mnm,
            sample.current_ma,
            sample.temperature_mc,
            sample.rental,
            *sample.odometer.as_tuple(),
        )
    except struct.error as error:
        raise SampleError(f"sample {sample.sequence} does not fit its layout: {error}") from error


def decode_sample(data: bytes) -> Sample:
    """Return the sample in exactly 96 bytes; raises SampleError for anything else."""
    if len(data) != SAMPLE_BYTES:
        raise SampleError(f"a sample has {SAMPLE_BYTES} bytes, not {len(data)}")
    sequence, time_ms, drill, level, flags, faults, rpm, *rest = _LAYOUT.unpack(data)
    torque, current, temperature, rental, *odometer = rest
    if flags & _VERSION_BITS != _VERSION:
        raise SampleError(f"sample {sequence} is of layout {flags >> 4}, not of layout 2")
    if flags & ~(_VERSION_BITS | _MOTOR_ON | _TRIGGER | _INHIBITED):
        raise SampleError(f"sample {sequence} has unknown flags {flags:#04x}")
    if faults & ~_KNOWN_FAULTS:
        raise SampleError(f"sample {sequence} has unknown fault flags {faults:#06x}")
    sample = Sample(
        sequence=sequence,
        time_ms=time_ms,
        drill=drill,
        level=level,
        motor_on=bool(flags & _MOTOR_ON),
        trigger=bool(flags & _TRIGGER),
        inhibited=bool(flags & _INHIBITED),
        fault_flags=ControllerFault(faults) if faults else ControllerFault.NONE,
        rpm=rpm,
        torque_mnm=torque,
        current_ma=current,
        temperature_mc=temperature,
        rental=rental,
        odometer=Registers(*odometer),
    )
    _check(sample)
    return sample


def _check(sample: Sample) -> None:
    if not 1 <= sample.sequence <= MAX_SEQUENCE:
        raise SampleError(f"sequence must lie in 1 .. 2^63-1, not {sample.sequence}")
    if not 0 <= sample.time_ms <= MAX_TIME_MS:
        raise SampleError(f"time_ms must lie in 0 .. 2^43-1, not {sample.time_ms}")
    if sample.drill < 1:
        raise SampleError(f"drill numbers start at 1, not {sample.drill}")
    if not 1 <= sample.level <= LEVELS:
        raise SampleError(f"sample {sample.sequence} has level {sample.level}, not 1 .. {LEVELS}")
    if not 0 <= sample.rental <= MAX_RENTAL:
        raise SampleError(f"rental must lie in 0 .. 2^63-1, not {sample.rental}")
    if sample.rpm > MAX_RPM:
        raise SampleError(f"sample {sample.sequence} claims {sample.rpm} rpm, over {MAX_RPM}")
