"""Why an audit ends without a verdict. What it finds is not an error: see `audit.findings`."""

from host.errors import PlainError


class AuditError(PlainError, RuntimeError):
    """The audit cannot go on; the message says why and what to do."""


class EndpointError(AuditError):
    """The endpoint cannot be reached, refuses a call or answers nonsense."""


class NodeRefusedError(EndpointError):
    """The endpoint has answered a call with an error of its own."""


class OtherChainError(AuditError):
    """The endpoint serves another chain than the one asked for, or no contract there."""


class SourceError(AuditError):
    """Published samples that cannot be fetched, or more than there can be."""


class StateFileError(AuditError):
    """A state file that is damaged or belongs to another audit."""


class InterruptedAuditError(AuditError):
    """Somebody asked to stop; what was done so far is in the state file, if there is one."""
