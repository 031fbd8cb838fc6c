"""The few commands of a TPM 2.0 that a signing key needs, as bytes: pure.

    command    tag u16, size u32, code u32, handles u32 each,
               [size of authorisations u32, authorisations,] parameters
    response   tag u16, size u32, code u32, [handle u32, size of parameters u32,] parameters

The tag says whether there are authorisations. A TPM2B is a length (u16) and so many bytes; all
integers are big endian. Source: TCG, TPM 2.0 Library, parts 2 (structures) and 3 (commands).
"""

from __future__ import annotations

from dataclasses import dataclass

from oracle.errors import TpmError

HEADER_BYTES = 10
MAX_BYTES = 4_096
"""No command or response is longer."""

OWNER = 0x40000001
FIRST_HANDLE, LAST_HANDLE = 0x81000000, 0x817FFFFF
"""Where the owner's persistent objects lie (part 2, 7.4; registry of reserved handles)."""

_NO_SESSIONS, _SESSIONS = 0x8001, 0x8002
_EVICT_CONTROL, _CREATE_PRIMARY, _SIGN = 0x120, 0x131, 0x15D
_FLUSH_CONTEXT, _READ_PUBLIC, _GET_CAPABILITY = 0x165, 0x173, 0x17A
_PASSWORD, _NULL_HIERARCHY, _TICKET = 0x40000009, 0x40000007, 0x8024
_ECC, _SHA256, _NULL, _ECDSA, _NIST_P256 = 0x23, 0x0B, 0x10, 0x18, 0x03
_PROPERTIES = 6
_LOCKOUT_COUNTER = 0x20E
"""Followed by how many failures it may reach, and after how many seconds it falls by one."""

_FIXED_TPM, _FIXED_PARENT, _OWN_ORIGIN, _WITH_AUTH = 1 << 1, 1 << 4, 1 << 5, 1 << 6
_RESTRICTED, _SIGNS = 1 << 16, 1 << 18
_KEEPS = _FIXED_TPM | _FIXED_PARENT | _OWN_ORIGIN
"""Made by this TPM, and neither it nor what it hangs on can be taken to another one."""

AUTHORISATION_FAILS = frozenset({0x08E, 0x0A2})
"""TPM_RC_AUTH_FAIL, which is counted against dictionary attacks, and TPM_RC_BAD_AUTH."""

LOCKED_OUT = 0x921
TRY_AGAIN = frozenset({0x908, 0x90A, 0x922})
"""TPM_RC_YIELDED, TPM_RC_TESTING and TPM_RC_RETRY: the command was not begun."""

NO_SUCH_HANDLE = frozenset({0x08B, 0x082})
"""TPM_RC_HANDLE, and TPM_RC_VALUE, which some say instead."""


@dataclass(frozen=True, slots=True)
class TpmPublic:
    """A key's public area, as far as it matters here."""

    kind: int
    attributes: int
    curve: int
    point: bytes

    @property
    def fault(self) -> str | None:
        """Why it is no key to sign with, or None."""
        if self.kind != _ECC or self.curve != _NIST_P256 or len(self.point) != 64:
            return "is not a key of P-256"
        if self.attributes & _KEEPS != _KEEPS:
            return "could leave the TPM, or was made outside (fixedTPM, fixedParent, origin)"
        if not self.attributes & _SIGNS or self.attributes & _RESTRICTED:
            return "is not one that signs what it is given"
        return None


@dataclass(frozen=True, slots=True)
class Lockout:
    """Failed authorisations so far, how many lock the TPM, and after how many seconds without one
    the count falls by one."""

    failures: int
    most: int
    seconds: int


def read_public(handle: int) -> bytes:
    """TPM2_ReadPublic."""
    return _command(_READ_PUBLIC, [handle])


def flush_context(handle: int) -> bytes:
    """TPM2_FlushContext."""
    return _command(_FLUSH_CONTEXT, [handle])


def get_lockout() -> bytes:
    """TPM2_GetCapability of what protects against dictionary attacks."""
    return _command(_GET_CAPABILITY, [], _u32(_PROPERTIES) + _u32(_LOCKOUT_COUNTER) + _u32(3))


def create_primary(owner: bytes, auth: bytes, unique: bytes) -> bytes:
    """TPM2_CreatePrimary of a P-256 key for ECDSA that never leaves, in the owner's hierarchy.

    It is derived from the hierarchy's seed and the 32 bytes `unique`: another key for each. `owner`
    authorises the hierarchy, `auth` is what will authorise the key.
    """
    attributes = _KEEPS | _WITH_AUTH | _SIGNS
    public = _u16(_ECC) + _u16(_SHA256) + _u32(attributes) + _sized(b"")
    public += _u16(_NULL) + _u16(_ECDSA) + _u16(_SHA256) + _u16(_NIST_P256) + _u16(_NULL)
    public += _sized(unique) + _sized(b"")
    sensitive = _sized(auth) + _sized(b"")
    parameters = _sized(sensitive) + _sized(public) + _sized(b"") + _u32(0)
    return _command(_CREATE_PRIMARY, [OWNER], parameters, owner)


def evict_control(owner: bytes, handle: int, persistent: int) -> bytes:
    """TPM2_EvictControl: keep the object `handle` as `persistent`."""
    return _command(_EVICT_CONTROL, [OWNER, handle], _u32(persistent), owner)


def sign(handle: int, auth: bytes, digest: bytes) -> bytes:
    """TPM2_Sign of a bytes32 digest with ECDSA. The scheme's SHA-256 only says how long it is."""
    ticket = _u16(_TICKET) + _u32(_NULL_HIERARCHY) + _sized(b"")
    return _command(_SIGN, [handle], _sized(digest) + _u16(_ECDSA) + _u16(_SHA256) + ticket, auth)


def response_size(header: bytes) -> int:
    """How long the response is that begins so; raises TpmError."""
    size = int.from_bytes(header[2:6], "big")
    if not HEADER_BYTES <= size <= MAX_BYTES:
        raise TpmError(f"it answers with a response of {size} bytes")
    return size


def response_code(response: bytes) -> int:
    """0, or the error without the number of what it is about: handle, parameter or session."""
    code = int.from_bytes(response[6:10], "big")
    return code & 0xBF if code & 0x80 else code


def parse_public(response: bytes) -> TpmPublic:
    """Of TPM2_ReadPublic."""
    reader = _Reader(response, HEADER_BYTES)
    return _public(reader.sized())


def parse_created(response: bytes) -> tuple[int, TpmPublic]:
    """Of TPM2_CreatePrimary: the transient handle, and the key."""
    reader = _Reader(response, HEADER_BYTES)
    handle = reader.u32()
    reader.u32()
    return handle, _public(reader.sized())


def parse_lockout(response: bytes) -> Lockout:
    """Of TPM2_GetCapability."""
    reader = _Reader(response, HEADER_BYTES + 1)
    reader.u32()
    found = {}
    for _ in range(reader.u32()):
        name = reader.u32()
        found[name] = reader.u32()
    try:
        failures, most, seconds = (found[_LOCKOUT_COUNTER + at] for at in range(3))
    except KeyError as error:
        raise TpmError("it does not say how it counts failed authorisations") from error
    return Lockout(failures, most, seconds)


def parse_signature(response: bytes) -> bytes:
    """Of TPM2_Sign: `r || s`, 32 bytes each."""
    reader = _Reader(response, HEADER_BYTES)
    reader.u32()
    if (reader.u16(), reader.u16()) != (_ECDSA, _SHA256):
        raise TpmError("it signed by another scheme than it was asked for")
    return _word(reader.sized()) + _word(reader.sized())


def _public(area: bytes) -> TpmPublic:
    reader = _Reader(area, 0)
    kind = reader.u16()
    reader.u16()
    attributes = reader.u32()
    reader.sized()
    if kind != _ECC:
        return TpmPublic(kind, attributes, 0, b"")
    if reader.u16() != _NULL:  # a storage key's: an algorithm, its bits and its mode
        reader.u32()
    if reader.u16() != _NULL:
        reader.u16()
    curve = reader.u16()
    if reader.u16() != _NULL:
        reader.u16()
    x, y = reader.sized(), reader.sized()
    return TpmPublic(kind, attributes, curve, _word(x) + _word(y) if curve == _NIST_P256 else b"")


class _Reader:
    """Takes fields off; raises TpmError where a response is too short."""

    def __init__(self, content: bytes, place: int) -> None:
        self._content, self._place = content, place

    def take(self, size: int) -> bytes:
        start, self._place = self._place, self._place + size
        if self._place > len(self._content):
            raise TpmError(f"it answers with {len(self._content)} bytes, which is too short")
        return self._content[start : self._place]

    def u16(self) -> int:
        return int.from_bytes(self.take(2), "big")

    def u32(self) -> int:
        return int.from_bytes(self.take(4), "big")

    def sized(self) -> bytes:
        return self.take(self.u16())


def _command(
    code: int, handles: list[int], parameters: bytes = b"", auth: bytes | None = None
) -> bytes:
    """A command; `auth` authorises its first handle, as a password."""
    body = b"".join(map(_u32, handles))
    if auth is not None:
        session = _u32(_PASSWORD) + _sized(b"") + b"\x00" + _sized(auth)
        body += _u32(len(session)) + session
    body += parameters
    tag = _NO_SESSIONS if auth is None else _SESSIONS
    return _u16(tag) + _u32(HEADER_BYTES + len(body)) + _u32(code) + body


def _word(value: bytes) -> bytes:
    if len(value) > 32:
        raise TpmError(f"it answers with a number of {len(value)} bytes")
    return value.rjust(32, b"\x00")


def _u16(value: int) -> bytes:
    return value.to_bytes(2, "big")


def _u32(value: int) -> bytes:
    return value.to_bytes(4, "big")


def _sized(content: bytes) -> bytes:
    return _u16(len(content)) + content
