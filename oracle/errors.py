"""The errors of the oracle: one small tree, each message saying what was wrong and what to do."""

from __future__ import annotations

from host.errors import KeystoreError


class OracleError(Exception):
    """Anything that the oracle refuses or cannot do."""


class SettingsError(OracleError):
    """A settings file, keystore or deployment record that is missing or wrong."""


class PinError(KeystoreError):
    """A token refuses its PIN; trying again could lock it for good."""


class SigningError(OracleError):
    """The signing key cannot sign right now; nothing that needs a signature goes out."""


class JournalError(OracleError):
    """The journal cannot be read or written; nothing may be acknowledged until it can."""


class DamagedError(JournalError):
    """What the journal holds of one rental is not what was written, or not what was signed."""


class BrokerError(OracleError):
    """The MQTT broker cannot be reached or refuses us."""


class ChainError(OracleError):
    """The chain cannot be asked right now; asking again later may work."""


class DisagreementError(ChainError):
    """The endpoints answer, and not enough of them say the same."""


class LyingEndpointError(ChainError):
    """An endpoint's answer that its own header or proof gives the lie to."""


class WrongChainError(ChainError):
    """The endpoint serves another chain, or the contract is not there: no retry will help."""


class CallRevertedError(ChainError):
    """The contract refuses a call, and says why."""


class TransactionRefusedError(ChainError):
    """The node does not take a transaction, such as for want of gas money."""


class PublicationError(OracleError):
    """The folder of published samples cannot be read or written; trying again later may work."""


class PublishedDiffersError(OracleError):
    """Published files, the journal and the readings that were signed do not fit each other."""
