"""Whether something keeps the machine's clock in step, as the Linux kernel tells (adjtimex(2)).

A hint for people: a clock that nobody keeps may be right, and one that is kept may be wrong. What a
program rests on it checks for itself.
"""

from __future__ import annotations

import ctypes

TIMEX_BYTES = 512
"""More than any `struct timex` has. It begins with `modes`, and 0 there changes nothing."""

TIME_ERROR = 5
"""The kernel's word for a clock that is not synchronised; 0 to 4 are of one that is."""

ADVICE = (
    "the kernel says that nothing keeps this machine's clock in step: set up NTP "
    "(systemd-timesyncd or chrony)"
)


def clock_is_synchronised() -> bool | None:
    """Whether NTP or the like keeps the clock; None where the kernel does not say, as in some
    containers."""
    try:
        adjtimex = ctypes.CDLL(None).adjtimex
    except AttributeError:
        return None
    return by_state(adjtimex(ctypes.create_string_buffer(TIMEX_BYTES)))


def by_state(state: int) -> bool | None:
    """What the kernel's answer means; it is -1 where asking is not allowed."""
    return None if state < 0 else state != TIME_ERROR
