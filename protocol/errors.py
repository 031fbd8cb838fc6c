"""The errors of the shared protocol: one small tree, each message naming the value at fault."""


class ProtocolError(ValueError):
    """Data that does not follow the protocol."""


class RecordError(ProtocolError):
    """A record with a field outside its range."""


class UnknownNameError(RecordError):
    """A record with a name that this release does not know, as a newer release may write it."""


class SampleError(ProtocolError):
    """Bytes that are not a sample, or a sample with a field outside its range."""


class OrderError(ProtocolError):
    """An order of a customer's that cannot be read."""


class MessageError(ProtocolError):
    """An MQTT payload or topic that does not follow the protocol."""


class FrameError(ProtocolError):
    """A payload of the serial line that does not follow its layout."""


class ProofError(ProtocolError):
    """A Merkle proof that does not lead to its root, or one that was asked for out of range."""


class AbsentError(ProofError):
    """A proof that what was asked for does not exist."""


class AnswerError(ProtocolError):
    """A node's answer that is not what JSON-RPC prescribes; the message names the field."""


class StrangeHeaderError(AnswerError):
    """A header with fields that Ethereum's do not have, and does not hash to its hash."""


class StrangeReceiptsError(AnswerError):
    """Receipts that do not hash to their root, perhaps because of what the chain adds to those of
    Ethereum: nothing is known of the block's log entries, and nobody is accused."""


class SignatureError(ProtocolError):
    """A signature that is malformed, malleable, or not of the expected key."""


class LeaseError(ProtocolError):
    """A start lease that gives no permission here and now; the message says why."""
