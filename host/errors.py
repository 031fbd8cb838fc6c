"""What machine or network refuses: one small tree, each message naming the value at fault."""


class HostError(Exception):
    """Something about this machine or its network that a user or operator has to know about."""


class AnswerTooLargeError(HostError):
    """An answer without an end: it is not read any further, and not asked for again."""


class SecretError(HostError):
    """A file with a secret that cannot be read, or that others may read."""
