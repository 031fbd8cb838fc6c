"""The errors of the oracle: one small tree, each message saying what was wrong and what to do."""

from __future__ import annotations

from host.errors import KeystoreError, PlainError


class OracleError(PlainError):
    """Anything that the oracle refuses or cannot do."""


class PinError(KeystoreError):
    """A token refuses its PIN; trying again could lock it for good."""

    exit_status = 3
    """Whoever restarts this program must not go on: a few wrong PINs lock a token."""


class LockoutError(PinError):
    """A TPM takes no authorisation for so many `seconds`, after too many wrong ones."""

    def __init__(self, text: str, seconds: int) -> None:
        super().__init__(text)
        self.seconds = seconds


class TpmError(KeystoreError):
    """A TPM that cannot be reached, does not answer, or refuses a command."""


class SigningError(OracleError):
    """The signing key cannot sign right now; nothing that needs a signature goes out."""


class JournalError(OracleError):
    """The journal cannot be read or written; nothing may be acknowledged until it can."""


class UpgradeError(JournalError):
    """A journal of a former release cannot be brought to this one's version, and is as it was."""

    exit_status = 3
    """Whoever restarts this program must not go on: each attempt copies the whole journal."""


class DamagedError(JournalError):
    """What the journal holds of one rental is not what was written, or not what was signed."""


class CopiedKeyError(OracleError):
    """Another oracle signs with this one's key, or this journal is an old copy."""


class PublishedDiffersError(OracleError):
    """Published files, the journal and the readings that were signed do not fit each other."""
