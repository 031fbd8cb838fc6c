"""Two chains and three deployments: for coins and for a token on one, for coins on the other.

The contract for coins has the same address on both chains, the boxes have the same keys everywhere,
and rentals have the same numbers: what is signed for one place looks right at the others.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import cache, lru_cache

from contracts.evm import CHAIN_ID, Chain, Halted
from contracts.sources import drill_meter, mock

from lab.fuzzing.assets import MoodyToken, Native, Wallets
from lab.fuzzing.people import CUSTOMERS, OTHERS, address
from lab.fuzzing.replayer import Replayer
from lab.fuzzing.settling import Group, Model
from lab.fuzzing.words import Event, Interface, domain_separator, numbers, tail, words
from lab.rig.contract import DEPLOYED, SOURCES, Compiled, compile_vyper

HOUR, DAY = 3600, 86_400
WALLET = 10**30
P256_PRECOMPILE = 0x100
MAX = 2**256 - 1


TOKEN, REENTRANT, REFUSING = (2**100 + i for i in range(3))
MOCKS = {
    TOKEN: "token_moody",
    REENTRANT: "wallet_reentrant",
    REFUSING: "wallet_refusing",
    P256_PRECOMPILE: "p256_stand_in",
}
"""What is there before the contract: by address."""


@lru_cache(maxsize=4096)
def hexed(who: int) -> str:
    """An address as pyrevm takes it."""
    return f"0x{who:040x}"


@dataclass(frozen=True, slots=True)
class At:
    """Somebody with an address."""

    address: str


@dataclass(frozen=True, slots=True)
class CallOutcome:
    """What a call did: reason None when it went through."""

    reason: str | None
    output: bytes
    logs: list[tuple[int, Event]]


class FuzzNode(Chain):
    """A chain whose calls cost little more than the machine does."""

    def __init__(self, chain_id: int) -> None:
        super().__init__(chain_id)
        self.interfaces: dict[str, Interface] = {}

    def create(self, compiled: Compiled, deployer: int, *arguments: int) -> int:
        """Deploy a contract whose arguments are all words; returns its address."""
        code = bytes.fromhex(compiled.bytecode[2:]) + words(*arguments)
        self._evm.reset_transient_storage()
        return int(self._evm.deploy(hexed(deployer), code), 16)

    def send(self, sender: int, to: int, data: bytes, value: int = 0) -> CallOutcome:
        """A transaction."""
        evm = self._evm
        evm.reset_transient_storage()
        try:
            output = evm.message_call(hexed(sender), hexed(to), calldata=data, value=value)
        except RuntimeError as error:
            return CallOutcome(_reason(str(error)), b"", [])
        logs: list[tuple[int, Event]] = []
        result = evm.result
        for log in result.logs if result else ():
            interface = self.interfaces.get(log.address.lower())
            if interface is not None:
                logs.append((int(log.address, 16), interface.decode(*log.data)))
        return CallOutcome(None, output, logs)

    def look(self, to: int, data: bytes) -> tuple[int, ...] | str:
        """A view's words, or why it reverted."""
        try:
            output = self._evm.message_call(hexed(0), hexed(to), calldata=data, is_static=True)
        except RuntimeError as error:
            return _reason(str(error))
        return numbers(output)

    def coins_of(self, who: int) -> int:
        """Coins of an address."""
        return int(self._evm.get_balance(hexed(who)))


def _reason(error: str) -> str:
    """The text of a revert, "" for none; raises Halted for anything but a revert."""
    if not error.startswith("Revert"):
        raise Halted(error)
    at = error.find("output: 0x")
    output = bytes.fromhex(error[at + 10 : error.find(" ", at + 10)]) if at >= 0 else b""
    if output[:4] != b"\x08\xc3\x79\xa0":
        return output.hex()
    length = int.from_bytes(output[36:68], "big")
    return output[68 : 68 + length].decode()


@dataclass(eq=False)
class FuzzSite:
    """One deployment: the contract, the model of it, and the state that its events tell."""

    name: str
    node: FuzzNode
    contract: int
    token: int
    interface: Interface
    model: Model
    replayer: Replayer
    domain: bytes
    forwarder: int = field(init=False)
    """The contract that passes on customers' orders."""

    forwarder_domain: bytes = field(init=False)
    """Where orders are signed."""

    forwarder_selectors: dict[str, bytes] = field(init=False)
    ordered: set[tuple[int, int]] = field(default_factory=set)
    """Customers and nonces of the orders that went through."""

    sent: list[tuple[Group, ...]] = field(default_factory=list)
    """Settlements that were sent here, to be sent again."""

    def __post_init__(self) -> None:
        found = self.view("forwarder")
        assert isinstance(found, tuple)
        self.forwarder = found[0]
        name = b"DrillForwarder"
        self.forwarder_domain = domain_separator(self.node.chain_id, self.forwarder, name)
        abi = compile_vyper(SOURCES / "DrillForwarder.vy").abi
        self.forwarder_selectors = Interface(abi).selectors

    def calldata(self, function: str, *values: int) -> bytes:
        """A call whose arguments are all words."""
        return self.interface.selectors[function] + words(*values)

    def view(self, function: str, *values: int) -> tuple[int, ...] | str:
        """A view's words, or why it reverted."""
        return self.node.look(self.contract, self.calldata(function, *values))

    def owned(self, who: int) -> int:
        """What an address has of the payment asset."""
        if not self.token:
            return self.node.coins_of(who)
        found = self.node.look(self.token, token_interface().selectors["balanceOf"] + words(who))
        assert isinstance(found, tuple)
        return found[0]


@dataclass(eq=False)
class FuzzWorld:
    """All of it."""

    sites: tuple[FuzzSite, ...]
    wallets: Wallets
    people: tuple[int, ...]
    """Whoever can send: key pairs, then the two contract wallets."""

    now: int

    def set_time(self, now: int) -> None:
        """Time passes everywhere at once."""
        self.now = now
        for site in self.sites:
            site.node.set_time(now)
            site.model.now = now


@cache
def token_interface() -> Interface:
    """Of the moody token."""
    return Interface(mock("token_moody").abi)


@cache
def wallet_interface() -> Interface:
    """Of the wallets that can call anything."""
    return Interface(mock("wallet_reentrant").abi)


def execute(target: int, data: bytes) -> bytes:
    """Calldata that lets a contract wallet make a call."""
    return wallet_interface().selectors["execute"] + words(target, 64) + tail(data)


def build(compiled: Compiled, interface: Interface, terms: tuple[int, int, int]) -> FuzzWorld:
    """Deploy everything; nothing is on offer yet. Terms: grace, evidence period, penalty."""
    here, there = FuzzNode(CHAIN_ID), FuzzNode(CHAIN_ID + 1)
    provider = address("provider")
    people = [address(name) for name in (*CUSTOMERS, *OTHERS)]
    for node in (here, there):
        for person in people:
            node.give(hexed(person), WALLET)
    for at, name in MOCKS.items():
        here.adopt(At(hexed(at)), bytes.fromhex(mock(name).runtime[2:]))
    meter_a = here.create(compiled, provider, 0, *terms)
    meter_c = there.create(compiled, provider, 0, *terms)
    assert meter_a == meter_c
    meter_b = here.create(compiled, provider, TOKEN, *terms)
    refusing = frozenset((REFUSING, TOKEN, meter_a, meter_b))
    wallets, none = Wallets(REENTRANT, REFUSING, refusing), Wallets()
    people += [REENTRANT, REFUSING]
    for person in people:
        here.send(provider, TOKEN, token_interface().selectors["mint"] + words(person, WALLET))
    sites = []
    for name, node, contract, asset in (
        ("coins", here, meter_a, Native(meter_a, wallets)),
        ("token", here, meter_b, MoodyToken(meter_b, wallets, TOKEN)),
        ("other chain", there, meter_c, Native(meter_c, none)),
    ):
        node.interfaces[hexed(contract)] = interface
        model = Model(asset, provider, *terms, node.now)
        token = 0 if asset.is_native else TOKEN
        domain = domain_separator(node.chain_id, contract)
        replayer = Replayer(provider)
        sites.append(FuzzSite(name, node, contract, token, interface, model, replayer, domain))
    return FuzzWorld(tuple(sites), wallets, tuple(people), here.now)


@cache
def compiled_meter() -> tuple[Compiled, Interface]:
    """The contract as it is deployed, and its interface."""
    compiled = drill_meter(DEPLOYED)
    return compiled, Interface(compiled.abi)
