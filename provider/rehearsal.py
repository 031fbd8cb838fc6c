"""A whole deployment in one call that changes nothing, on the chain that it is meant for.

A throw-away program creates the contract, so that it is its owner, and makes each call of the plan
in order, all within one `eth_call`: the chain's own rules and the contract's own checks have the
last word on every value before anything is sent. The first call that fails ends it, with its number
and reason. Any endpoint that answers `eth_call` will do.

The program is straight-line code, one piece for each step: copy the step's data into memory, CREATE
or CALL, and jump to the end with the step's number when that gave nothing.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from provider.errors import ContractRefusedError, NodeError
from provider.node import ProviderNode, revert_reason

LARGEST_PROGRAM = 49_152
"""Bytes of a creation (EIP-3860)."""

STOP, ISZERO, CODECOPY, RETURNDATASIZE, RETURNDATACOPY = 0x00, 0x15, 0x39, 0x3D, 0x3E
ADD, MSTORE, JUMPI, GAS, JUMPDEST = 0x01, 0x52, 0x57, 0x5A, 0x5B
DUP1, DUP6, CREATE, CALL, REVERT = 0x80, 0x85, 0xF0, 0xF1, 0xFD
PUSH0_AS_1, PUSH2, PUSH3, PUSH32 = 0x60, 0x61, 0x62, 0x7F


@dataclass(frozen=True, slots=True)
class RehearsedCall:
    """One call to the new contract, as the plan names it; `value` in wei."""

    what: str
    data: bytes
    value: int = 0


def rehearse(
    node: ProviderNode, sender: str, creation: bytes, steps: Sequence[RehearsedCall]
) -> int:
    """Play the creation and all steps; returns the gas that they take together, about.

    Raises ContractRefusedError with the name of the step that would be refused, and why.
    """
    text = program(creation, steps)
    if len(text) > LARGEST_PROGRAM:
        raise NodeError(f"{len(steps)} steps are more than one call can play; split the rehearsal")
    value = sum(step.value for step in steps)
    request = {"from": sender, "data": "0x" + text.hex(), "value": hex(value)}
    try:
        node.data("eth_call", request, "latest")
        return node.number("eth_estimateGas", request)
    except ContractRefusedError as error:
        raise _named(error, steps) from error


def program(creation: bytes, steps: Sequence[RehearsedCall]) -> bytes:
    """The code: every step's piece, the end of the good way, the ends of the bad ones, the data."""
    contents = [creation, *(step.data for step in steps)]
    values = [0, *(step.value for step in steps)]
    pieces = len(contents)
    # All pieces have one length, so that every place is known before it is written.
    sizes = [len(_piece(number, 0, 1, 0, 0)) for number in range(pieces)]
    ends = sum(sizes) + 1
    data = ends + pieces * len(_end(0))
    code = b""
    for number, (content, value) in enumerate(zip(contents, values, strict=True)):
        code += _piece(number, data, len(content), value, ends + number * len(_end(0)))
        data += len(content)
    code += bytes([STOP])
    code += b"".join(_end(number) for number in range(pieces))
    return code + b"".join(contents)


def _piece(number: int, at: int, size: int, value: int, end: int) -> bytes:
    """The first leaves the new contract's address on the stack, the others nothing."""
    copy = _push3(size) + _push3(at) + _zero() + bytes([CODECOPY])
    if number == 0:
        make = _push3(size) + _zero() + _zero() + bytes([CREATE, DUP1])
    else:
        # Return size and place, size and place of the data, value, address, gas.
        make = _zero() + _zero() + _push3(size) + _zero()
        make += bytes([PUSH32]) + value.to_bytes(32, "big") + bytes([DUP6, GAS, CALL])
    return copy + make + bytes([ISZERO]) + _push3(end) + bytes([JUMPI])


def _end(number: int) -> bytes:
    """Revert with the step's number, 32 bytes, and behind it what the step reverted with."""
    return (
        bytes([JUMPDEST, PUSH2])
        + number.to_bytes(2, "big")
        + _zero()
        + bytes([MSTORE, RETURNDATASIZE])
        + _zero()
        + bytes([PUSH0_AS_1, 32, RETURNDATACOPY, RETURNDATASIZE, PUSH0_AS_1, 32, ADD])
        + _zero()
        + bytes([REVERT])
    )


def _push3(number: int) -> bytes:
    return bytes([PUSH3]) + number.to_bytes(3, "big")


def _zero() -> bytes:
    return bytes([PUSH0_AS_1, 0])


def _named(error: ContractRefusedError, steps: Sequence[RehearsedCall]) -> ContractRefusedError:
    """What was refused, in the plan's words."""
    number = int.from_bytes(error.content[:32], "big") if len(error.content) >= 32 else -1
    reason = revert_reason(error.content[32:]) or "without a reason; has it the Cancun rules?"
    if not 0 <= number <= len(steps):
        return ContractRefusedError(f"the chain refuses the whole of it: {error}")
    what = "the contract's creation" if number == 0 else steps[number - 1].what
    return ContractRefusedError(f"{what} would be refused: {reason}")
