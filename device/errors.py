"""The errors of the drill's side: one small tree, each message naming the value at fault."""

from host.errors import PlainError


class DeviceError(PlainError):
    """Something on the drill's side that a user or operator has to know about."""


class TraceError(DeviceError, ValueError):
    """A trace file or a column specification that cannot be replayed."""


class NonVolatileError(DeviceError):
    """The controller's non-volatile memory cannot be read, written or locked."""


class SpoolError(DeviceError):
    """The bridge's spool cannot be read, written or locked."""


class DiskFullError(SpoolError):
    """There is no room on the spool's disk."""


class ControllerReplacedError(SpoolError):
    """The controller counts its samples from a lower number again."""


class PortError(DeviceError):
    """The serial port is not there, busy, or went away."""


class WitnessError(DeviceError):
    """What a bridge's own endpoints do not confirm, or cannot be asked."""
