"""What a chain refuses or cannot say: one small tree, each message saying what was wrong."""

from __future__ import annotations

from host.errors import PlainError


class ChainError(PlainError):
    """The chain cannot be asked right now; asking again later may work."""


class RefusedCallError(ChainError):
    """An endpoint answers a call with an error of its own; `reason` is its text, made harmless."""

    def __init__(self, told: str, reason: str) -> None:
        super().__init__(told)
        self.reason = reason


class LaterError(ChainError):
    """An endpoint says what it may not say a moment later: too busy, a block that it does not have
    yet, an answer about another block than the one asked for."""


class UncoveredReceiptsError(ChainError):
    """An endpoint gives receipts that the header's root does not cover, beside all that it does:
    some chains add one that no transaction made."""


class DisagreementError(ChainError):
    """The endpoints answer, and not enough of them say the same."""


class LyingEndpointError(ChainError):
    """An endpoint's answer that its own header or proof gives the lie to."""


class WrongChainError(ChainError):
    """The endpoint serves another chain, or the contract is not there: no retry will help."""


class CallRevertedError(ChainError):
    """The contract refuses a call, and says why."""


class TransactionRefusedError(ChainError):
    """The node does not take a transaction, such as for want of gas money; `reason` is its text."""

    def __init__(self, told: str, reason: str | None = None) -> None:
        super().__init__(told)
        self.reason = told if reason is None else reason
