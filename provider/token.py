"""The token that a deployment is paid in, if it is not the native coin."""

from __future__ import annotations

from collections.abc import Iterator

from eth_abi.abi import decode, encode
from eth_abi.exceptions import DecodingError
from eth_hash.auto import keccak

from host.foreign_text import harmless
from provider.errors import ContractRefusedError, NodeError, ProviderError
from provider.node import ProviderNode
from provider.sending import Call, Sender

MOST_DECIMALS = 36


class Token:
    """An ERC-20 token; what it does not say is an error and never guessed."""

    def __init__(self, node: ProviderNode, address: str) -> None:
        self._node, self.address = node, address

    def balance_of(self, account: str) -> int:
        """In the token's smallest unit."""
        return int.from_bytes(self._word("balanceOf(address)", ["address"], account), "big")

    def allowance(self, owner: str, spender: str) -> int:
        """What `spender` may take of the owner's."""
        types = ["address", "address"]
        return int.from_bytes(
            self._word("allowance(address,address)", types, owner, spender), "big"
        )

    def decimals(self) -> int:
        """How many digits stand behind the point; raises NodeError when the token does not say."""
        found = int.from_bytes(self._word("decimals()", []), "big")
        if found > MOST_DECIMALS:
            raise NodeError(f"token {self.address} says it has {found} decimals")
        return found

    def symbol(self) -> str:
        """What it is called; old tokens answer 32 bytes instead of a text."""
        content = self._answer("symbol()", [])
        try:
            if len(content) == 32:
                return harmless(content.rstrip(b"\0").decode("utf-8"))
            (text,) = decode(["string"], content)
        except (DecodingError, UnicodeDecodeError, OverflowError) as error:
            raise NodeError(f"token {self.address} does not say what it is called") from error
        return harmless(str(text))

    def require_funds(self, account: str, amount: int) -> None:
        """Raise ProviderError when an account has less."""
        has = self.balance_of(account)
        if has < amount:
            raise ProviderError(
                f"{account} has {has} units of the token {self.address}, and needs {amount}"
            )

    def approval(self, spender: str, amount: int) -> Call:
        """A call that allows `spender` to take `amount`."""
        data = _selector("approve(address,uint256)")
        data += encode(["address", "uint256"], [spender, amount])
        return Call(f"approve {amount} units of {self.address}", self.address, data)

    def _word(self, name: str, types: list[str], *arguments: object) -> bytes:
        content = self._answer(name, types, *arguments)
        if len(content) != 32:
            raise NodeError(f"token {self.address}: {name} answers {len(content)} bytes, not 32")
        return content

    def _answer(self, name: str, types: list[str], *arguments: object) -> bytes:
        data = _selector(name) + encode(types, arguments)
        request = {"to": self.address, "data": "0x" + data.hex()}
        try:
            return self._node.data("eth_call", request, "latest")
        except ContractRefusedError as error:
            raise NodeError(f"token {self.address}: {name}: {error}") from error


def approvals(token: Token, sender: Sender, spender: str, amount: int) -> Iterator[Call]:
    """What must be sent before `spender` can take `amount`: nothing, or an approval, with one of
    zero before it where an old one is left, because some tokens demand that."""
    owner = sender.wallet.address
    token.require_funds(owner, amount)
    allowed = token.allowance(owner, spender)
    if allowed >= amount:
        return
    if allowed:
        yield token.approval(spender, 0)
    yield token.approval(spender, amount)


def _selector(signature: str) -> bytes:
    return keccak(signature.encode())[:4]
