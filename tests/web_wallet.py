"""A wallet in a browser page, for tests: announced as EIP-6963 says, and signing with a real key.

The provider in the page passes every request on to here. It can be told to decline, to be on
another chain, to lack methods, to sign in other shapes, and to be a contract; what it is asked is
kept.
"""

from __future__ import annotations

import json
import urllib.error
import urllib.request
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from eth_abi.abi import encode as abi_encode
from eth_account import Account
from eth_account.messages import encode_typed_data
from eth_account.signers.local import LocalAccount
from eth_utils.address import to_checksum_address
from eth_utils.conversions import to_bytes
from eth_utils.crypto import keccak
from playwright.sync_api import BrowserContext, Page

PROVIDER = """
(() => {
  if (window.__testWallet) return;
  const listeners = {};
  const request = async ({ method, params }) => {
    const call = JSON.stringify({ method, params: params ?? [] });
    const answer = JSON.parse(await window.__askWallet(call));
    if ('error' in answer) throw Object.assign(new Error(answer.error.message), answer.error);
    for (const [name, value] of answer.events ?? [])
      for (const f of listeners[name] ?? []) f(value);
    return answer.result;
  };
  const provider = {
    request,
    on: (name, f) => void (listeners[name] ??= new Set()).add(f),
    removeListener: (name, f) => void listeners[name]?.delete(f),
  };
  window.__testWallet = provider;
  const info = Object.freeze({
    uuid: '6f4e4c1e-1a0f-4b7c-9d5e-000000000001', name: 'Test wallet', rdns: 'test.wallet',
    icon: 'data:image/svg+xml,<svg xmlns="http://www.w3.org/2000/svg"/>',
  });
  const announce = () => window.dispatchEvent(
    new CustomEvent('eip6963:announceProvider', { detail: Object.freeze({ info, provider }) }));
  window.addEventListener('eip6963:requestProvider', announce);
  announce();
})()
"""

REJECTED = {"code": 4001, "message": "User rejected the request."}
UNKNOWN_CHAIN = {"code": 4902, "message": "Unrecognized chain ID."}
GAS_HEADROOM = 2
EXECUTE = keccak(text="execute(address,uint256,bytes)")[:4]
"""What a wallet that is a contract is asked to do, as in tests/web/smart_wallet.vy."""


@dataclass
class Wallet:
    """Its key, the chain that it is on, and how it behaves."""

    rpc_url: str
    account: LocalAccount
    chain_id: int = 31337
    known_chains: set[int] = field(default_factory=lambda: {1, 31337})
    decline: set[str] = field(default_factory=set)
    """Methods that the person at the wallet says no to."""
    decline_to: set[str] = field(default_factory=set)
    """Addresses to which the person sends nothing."""
    refuse: dict[str, dict[str, Any]] = field(default_factory=dict)
    """Methods that it does not have, each with the error that it answers."""
    shape: Callable[[bytes], bytes] = bytes
    """What becomes of a signature of 65 bytes before it is handed over."""
    contract: str | None = None
    """The address of the contract that it is, which `account` owns; None for a key's account."""
    asked: list[str] = field(default_factory=list)
    sent: list[dict[str, Any]] = field(default_factory=list)
    """The transactions that it has signed."""
    _connected: bool = False

    def into(self, context: BrowserContext) -> None:
        """Put it into every page of the context."""
        context.expose_binding("__askWallet", lambda _source, text: self._ask(text))
        context.add_init_script(PROVIDER)

    def _ask(self, text: str) -> str:
        call = json.loads(text)
        method, params = call["method"], call["params"]
        self.asked.append(method)
        if method in self.decline:
            return json.dumps({"error": REJECTED})
        if method in self.refuse:
            return json.dumps({"error": self.refuse[method]})
        own = getattr(self, f"_do_{method}", None)
        answer = own(params) if own else self._forward(method, params)
        return json.dumps(answer)

    @property
    def address(self) -> str:
        """As the page knows it."""
        return self.contract or self.account.address

    def rpc(self, method: str, *params: Any) -> Any:
        """Ask the chain; raises AssertionError with its refusal."""
        answer = self._forward(method, list(params))
        assert "error" not in answer, answer
        return answer["result"]

    def _forward(self, method: str, params: list[Any]) -> dict[str, Any]:
        call = {"jsonrpc": "2.0", "id": 1, "method": method, "params": params}
        request = urllib.request.Request(  # noqa: S310  the URL is the rig's
            self.rpc_url, json.dumps(call).encode(), {"Content-Type": "application/json"}
        )
        with urllib.request.urlopen(request, timeout=300) as response:  # noqa: S310
            answer = json.load(response)
        kept = "error" if "error" in answer else "result"
        return {kept: answer[kept]}

    def _do_eth_requestAccounts(self, _params: Any) -> dict[str, Any]:  # noqa: N802
        self._connected = True
        return {"result": [self.address]}

    def _do_wallet_requestPermissions(self, _params: Any) -> dict[str, Any]:  # noqa: N802
        self._connected = True
        caveat = {"type": "restrictReturnedAccounts", "value": [self.address]}
        return {"result": [{"parentCapability": "eth_accounts", "caveats": [caveat]}]}

    def _do_wallet_revokePermissions(self, _params: Any) -> dict[str, Any]:  # noqa: N802
        self._connected = False
        return {"result": None}

    def _do_eth_accounts(self, _params: Any) -> dict[str, Any]:
        return {"result": [self.address] if self._connected else []}

    def _do_eth_chainId(self, _params: Any) -> dict[str, Any]:  # noqa: N802
        return {"result": hex(self.chain_id)}

    def _do_wallet_addEthereumChain(self, params: Any) -> dict[str, Any]:  # noqa: N802
        self.known_chains.add(int(params[0]["chainId"], 16))
        return self._do_wallet_switchEthereumChain(params)

    def _do_wallet_switchEthereumChain(self, params: Any) -> dict[str, Any]:  # noqa: N802
        wanted = int(params[0]["chainId"], 16)
        if wanted not in self.known_chains:
            return {"error": UNKNOWN_CHAIN}
        self.chain_id = wanted
        return {"result": None, "events": [["chainChanged", hex(wanted)]]}

    def _do_eth_sendTransaction(self, params: Any) -> dict[str, Any]:  # noqa: N802
        asked = params[0]
        call = {
            "to": to_checksum_address(asked["to"]),
            "value": int(asked.get("value", "0x0"), 16),
            "data": asked.get("data", "0x"),
        }
        if call["to"] in self.decline_to:
            return {"error": REJECTED}
        if self.contract is not None:
            inner = [call["to"], call["value"], to_bytes(hexstr=call["data"])]
            data = EXECUTE + abi_encode(["address", "uint256", "bytes"], inner)
            call = {"to": self.contract, "value": 0, "data": "0x" + data.hex()}
        return self.send(call)

    def send(self, call: dict[str, Any], nonce: int | None = None) -> dict[str, Any]:
        """Sign and send `to`, `value` and `data`; with a nonce it replaces what waits with that."""
        address = self.account.address
        base = int(self.rpc("eth_getBlockByNumber", "latest", False)["baseFeePerGas"], 16)
        tip = 10**9 if nonce is None else 5 * 10**9
        described = {**call, "value": hex(call["value"]), "from": address}
        estimate = self._forward("eth_estimateGas", [described])
        gas = int(estimate["result"], 16) * GAS_HEADROOM if "result" in estimate else 500_000
        if nonce is None:
            nonce = int(self.rpc("eth_getTransactionCount", address, "pending"), 16)
        transaction = {
            "type": 2,
            "chainId": self.chain_id,
            "nonce": nonce,
            **call,
            "gas": gas,
            "maxFeePerGas": 4 * base + tip,
            "maxPriorityFeePerGas": tip,
        }
        self.sent.append(transaction)
        signed = self.account.sign_transaction(transaction)
        return self._forward("eth_sendRawTransaction", [signed.raw_transaction.to_0x_hex()])

    def _do_eth_signTypedData_v4(self, params: Any) -> dict[str, Any]:  # noqa: N802
        message = json.loads(params[1]) if isinstance(params[1], str) else params[1]
        # Numbers come as decimal text, which wallets take and eth-account does not.
        for member in message["types"][message["primaryType"]]:
            if member["type"].startswith("uint"):
                message["message"][member["name"]] = int(message["message"][member["name"]])
        signed = Account.sign_message(encode_typed_data(full_message=message), self.account.key)
        return {"result": "0x" + self.shape(bytes(signed.signature)).hex()}


def new_wallet(rpc_url: str, coins_wei: int, **more: Any) -> Wallet:
    """A wallet with a fresh key and so many coins."""
    wallet = Wallet(rpc_url, Account.create(), **more)
    wallet.rpc("anvil_setBalance", wallet.account.address, hex(coins_wei))
    return wallet


def connect(page: Page) -> None:
    """Click the wallet button, as a customer does."""
    page.get_by_role("button", name="Connect wallet").click()
    page.get_by_role("button", name="Disconnect").wait_for()
