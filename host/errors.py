"""What machine or network refuses: one small tree, each message naming the value at fault."""


class PlainError(Exception):
    """An error whose message is meant for whoever runs a program: it is shown as one line."""

    exit_status = 2
    """What the program ends with."""


class HostError(PlainError):
    """Something about this machine or its network that a user or operator has to know about."""


class AnswerTooLargeError(HostError):
    """An answer without an end: it is not read any further, and not asked for again."""


class RpcError(HostError):
    """An endpoint of JSON-RPC that gives no result; the message names it, without secrets."""


class UnreachableError(RpcError):
    """It cannot be reached, or is too busy, however often it is asked."""


class RefusedError(RpcError):
    """It has answered a call with an error of its own: `error` as it sent it, None where the answer
    had none."""

    def __init__(self, text: str, error: object = None) -> None:
        super().__init__(text)
        self.error = error


class NonsenseError(RpcError):
    """It answers something that is not an answer, or one without an end."""


class SettingsError(HostError):
    """Settings, an option or a deployment record with a value that is wrong or missing."""


class MissingPackageError(HostError):
    """A Python package that is not installed, and that what is asked for needs."""


class KeystoreError(HostError):
    """A keystore that cannot be opened or written."""


class FileError(HostError):
    """A file that the user named and that cannot be read, or is none of that kind."""


class HeldError(HostError):
    """A lock that another process holds."""


class SchemaError(HostError):
    """A database whose schema is newer, or much older, than this release can work with."""


class SecretError(FileError):
    """A file with a secret that cannot be read, or that others may use."""


class PublicationError(HostError):
    """The folder of published files cannot be read or written; trying again later may work."""


class BrokerError(HostError):
    """The MQTT broker cannot be reached or refuses us."""
