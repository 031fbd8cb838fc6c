"""The error of the rig."""


class RigError(RuntimeError):
    """A local service that did not start, did not answer or ended; the message names its log."""
