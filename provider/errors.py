"""What stops the provider's commands: one small tree, each message naming the value at fault."""

from __future__ import annotations

from host.errors import PlainError


class ProviderError(PlainError):
    """Anything that the provider's commands refuse or cannot do."""


class PlanError(ProviderError):
    """A plan that cannot be read, or asks for what the contract would refuse."""


class NodeError(ProviderError):
    """The endpoint does not answer, or answers what makes no sense."""


class ContractRefusedError(ProviderError):
    """The contract refuses a call; the message is its reason, `content` the data behind it."""

    def __init__(self, reason: str, content: bytes = b"") -> None:
        super().__init__(reason)
        self.content = content


class BoxError(ProviderError):
    """The files of a box cannot be made."""
