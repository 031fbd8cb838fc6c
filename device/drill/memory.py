"""The controller's non-volatile memory: what must survive a loss of power at any instruction.

A file with two slots, written in turn; the valid one of the higher generation counts, so that a
write that was cut short leaves the one before. A slot, at offsets 0 and 4096:

    offset  size  field
    0       4     magic "SDN2"
    4       4     drill
    8       8     generation, +1 each write
    16      8     sequence of the newest sample
    24      3*8   odometer active_ms, level 1 first
    48      3*8   odometer in rpm * ms, level 1 first
    72      8     issued_at of the newest accepted lease, Unix ms
    80      8     time floor, Unix ms: it is later than this, whatever the edge box says
    88      8     rental that the newest sample belongs to, 0 nobody's
    96      4     CRC-32 of what precedes

A slot that begins with "SDNV" is of the former layout, without the rental, and is read as one that
belongs to nobody's; it is written anew in this layout. A slot that begins with "SDN" and another
letter is of a newer layout, and the file is refused even if the other slot is not.

All integers are big endian. It is written before what it records leaves the controller, so that
no sequence is ever used twice. Firmware does the same in ferroelectric RAM.
"""

from __future__ import annotations

import os
import struct
import zlib
from dataclasses import dataclass
from pathlib import Path

from device.errors import NonVolatileError
from host.errors import FileError, HeldError
from host.process_lock import ProcessLock
from protocol.records import Registers
from protocol.tariff import MS_PER_MINUTE

_SLOT = struct.Struct(">4sI11Q")
_FORMER_SLOT = struct.Struct(">4sI10Q")
_CRC = struct.Struct(">I")
_SLOT_BYTES = _SLOT.size + _CRC.size
_MAGIC, _FORMER_MAGIC = b"SDN2", b"SDNV"
_FAMILY = b"SDN"
"""How every layout's magic begins."""
_OFFSETS = (0, 4096)


@dataclass(frozen=True, slots=True)
class Memory:
    """What the controller remembers; see the table above."""

    sequence: int = 0
    active_ms: tuple[int, int, int] = (0, 0, 0)
    rpm_ms: tuple[int, int, int] = (0, 0, 0)
    newest_issued_at: int = 0
    time_floor_ms: int = 0
    rental: int = 0

    @property
    def odometer(self) -> Registers:
        """Active ms and whole revolutions since manufacture."""
        first, second, third = self.rpm_ms
        return Registers(
            *self.active_ms,
            first // MS_PER_MINUTE,
            second // MS_PER_MINUTE,
            third // MS_PER_MINUTE,
        )


class MemoryFile:
    """The two slots in a file, locked against a second controller."""

    def __init__(self, path: Path, drill: int) -> None:
        """Open or create; raises NonVolatileError for a damaged, foreign or busy file."""
        self._path, self._drill, self._generation = path, drill, 0
        try:
            self._lock = ProcessLock(path)
        except HeldError:
            raise NonVolatileError(f"{path}: in use by another controller") from None
        except FileError as error:
            raise NonVolatileError(str(error)) from error
        try:
            self._file = os.open(path, os.O_RDWR | os.O_CLOEXEC)
        except OSError as error:
            self._lock.close()
            raise NonVolatileError(f"{path}: {error.strerror}") from error
        try:
            self.memory = self._read()
        except BaseException:
            self.close()
            raise

    def write(self, memory: Memory) -> None:
        """Make `memory` durable; raises NonVolatileError when that fails."""
        if memory == self.memory:
            return
        generation = self._generation + 1
        body = _SLOT.pack(
            _MAGIC,
            self._drill,
            generation,
            memory.sequence,
            *memory.active_ms,
            *memory.rpm_ms,
            memory.newest_issued_at,
            memory.time_floor_ms,
            memory.rental,
        )
        slot = body + _CRC.pack(zlib.crc32(body))
        try:
            if os.pwrite(self._file, slot, _OFFSETS[generation % 2]) != len(slot):
                raise NonVolatileError(f"{self._path}: disk full")
            os.fdatasync(self._file)
        except OSError as error:
            raise NonVolatileError(f"{self._path}: {error.strerror}") from error
        self._generation, self.memory = generation, memory

    def close(self) -> None:
        """Close the file and give up the lock."""
        os.close(self._file)
        self._lock.close()

    def _read(self) -> Memory:
        if os.fstat(self._file).st_size == 0:
            self._preallocate()
            return Memory()
        slots = [self._read_slot(offset) for offset in _OFFSETS]
        valid = [slot for slot in slots if slot is not None]
        if not valid:
            raise NonVolatileError(
                f"{self._path}: both slots are damaged; put a copy back, because a fresh start "
                "would use sequence numbers twice"
            )
        self._generation, memory = max(valid, key=lambda slot: slot[0])
        return memory

    def _preallocate(self) -> None:
        """Write both slots, so that no later write changes the file's size."""
        for generation, offset in enumerate(_OFFSETS):
            body = _SLOT.pack(_MAGIC, self._drill, generation, *([0] * 10))
            os.pwrite(self._file, body + _CRC.pack(zlib.crc32(body)), offset)
        os.fsync(self._file)
        directory = os.open(self._path.parent, os.O_RDONLY | os.O_DIRECTORY)
        try:
            os.fsync(directory)
        finally:
            os.close(directory)
        self._generation = 1

    def _read_slot(self, offset: int) -> tuple[int, Memory] | None:
        data = os.pread(self._file, _SLOT_BYTES, offset)
        magic = data[: len(_MAGIC)]
        if magic.startswith(_FAMILY) and magic not in (_MAGIC, _FORMER_MAGIC):
            raise NonVolatileError(
                f"{self._path}: written by a newer release, in the layout {magic!r}: install that "
                "one. What else is in the file is older, and going on from it would use sequence "
                "numbers twice"
            )
        former = data[: len(_FORMER_MAGIC)] == _FORMER_MAGIC
        layout, magic = (_FORMER_SLOT, _FORMER_MAGIC) if former else (_SLOT, _MAGIC)
        data = data[: layout.size + _CRC.size]
        if len(data) != layout.size + _CRC.size:
            return None
        body, (crc,) = data[: layout.size], _CRC.unpack(data[layout.size :])
        found, drill, generation, sequence, *numbers = layout.unpack(body)
        if found != magic or zlib.crc32(body) != crc:
            return None
        if drill != self._drill:
            raise NonVolatileError(
                f"{self._path}: this is the memory of drill {drill}, not of drill {self._drill}"
            )
        one, two, three, rpm_one, rpm_two, rpm_three, issued_at, floor, *rental = numbers
        return generation, Memory(
            sequence,
            (one, two, three),
            (rpm_one, rpm_two, rpm_three),
            issued_at,
            floor,
            rental[0] if rental else 0,
        )
