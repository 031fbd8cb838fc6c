"""Strict mode: a bridge that believes a lease only with a proof, and a block only if its own
endpoints have it.

Whoever has the oracle's host, key included, can sign leases at will and can make up a chain for
them. What he cannot do is put a deposit into the real chain, of which the bridge asks others: the
block that the proof rests on, and the block of its event, must be in that chain, and the former
must not be old, or a proof from before the rental ended would do.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from queue import Empty, SimpleQueue
from threading import Thread
from typing import TypeVar

import structlog

from device.bridge.rpc import Nodes, WitnessNode
from device.bridge.settings import StrictSettings
from device.errors import WitnessError
from protocol.answers import hexadecimal
from protocol.errors import ProtocolError
from protocol.headers import Header
from protocol.lease_proof import Ground, ground_of, parse_lease_proof
from protocol.messages import LeaseMessage
from protocol.quorum import Agreed, Undecided, agree, majority
from protocol.records import Domain

_log = structlog.get_logger()
_T = TypeVar("_T")


@dataclass(frozen=True, slots=True)
class LeaseVerdict:
    """Whether a lease may be passed on; `refusal` says why not."""

    message: LeaseMessage
    refusal: str = ""


@dataclass
class ChainWitness:
    """What a bridge's own endpoints say of blocks. Asks the network; for one thread."""

    nodes: Nodes
    age_seconds: int
    _events: dict[int, bytes] = field(default_factory=dict)

    def require(self, ground: Ground) -> None:
        """Raise WitnessError unless both blocks are in the chain and the state's is not old."""
        head = self._head()
        if ground.block_number > head.number:
            raise WitnessError(
                f"block {ground.block_number} is beyond {head.number}, the newest that is agreed on"
            )
        age = head.timestamp - ground.timestamp
        if age > self.age_seconds:
            raise WitnessError(f"block {ground.block_number} is {age} s older than the newest one")
        if head.number == ground.block_number:
            self._compare(ground.block_number, ground.block_hash, head.hash)
        else:
            self._require_block(ground.block_number, ground.block_hash)
        # An event lies deeper than the state that follows from it, and is asked for once.
        if self._events.get(ground.event_number) != ground.event_hash:
            self._require_block(ground.event_number, ground.event_hash)
            self._events = {ground.event_number: ground.event_hash}

    def _head(self) -> Header:
        newest = self.nodes.ask(lambda node: node.header("latest"))
        older: dict[str, Header] = {}
        result = agree(newest, older, self.nodes.quorum)
        if isinstance(result, Undecided):
            number = result.number
            older = self.nodes.ask(lambda node: node.header(number))
            result = agree(newest, older, self.nodes.quorum)
        if not isinstance(result, Agreed):
            raise WitnessError(str(result))
        for header in (*newest.values(), *older.values()):
            if header.hash == result.hash:
                return header
        raise WitnessError(f"no endpoint gives block {result.number} that they agree on")

    def _require_block(self, number: int, wanted: bytes) -> None:
        told = self.nodes.ask(lambda node: node.header(number).hash)
        winner = majority(told, self.nodes.quorum)
        if winner is None:
            raise WitnessError(f"endpoints disagree about block {number}")
        self._compare(number, wanted, winner)

    @staticmethod
    def _compare(number: int, wanted: bytes, found: str) -> None:
        if hexadecimal(wanted) != found:
            told = hexadecimal(wanted)[:18]
            raise WitnessError(f"block {number} is {found[:18]} in the chain, {told} in the proof")


class Witness:
    """Judges leases in a thread of its own, the newest first; the bridge never waits for it."""

    def __init__(
        self, drill: int, domain: Domain, chain: ChainWitness, wake: Callable[[], None]
    ) -> None:
        self._drill, self._domain, self._chain, self._wake = drill, domain, chain, wake
        self._proof = b""
        self._jobs: SimpleQueue[tuple[LeaseMessage, bytes]] = SimpleQueue()
        self._verdicts: SimpleQueue[LeaseVerdict] = SimpleQueue()
        self._thread = Thread(target=self._work, name="witness", daemon=True)

    def start(self) -> None:
        """Begin to judge."""
        self._thread.start()

    def learn(self, proof: bytes) -> None:
        """The newest proof; nothing of it has been checked."""
        self._proof = proof

    def submit(self, message: LeaseMessage) -> None:
        """Judge a lease by the newest proof."""
        self._jobs.put((message, self._proof))

    def verdicts(self) -> list[LeaseVerdict]:
        """What has been judged since the last call."""
        return _drain(self._verdicts)

    def judge(self, message: LeaseMessage, proof: bytes) -> LeaseVerdict:
        """Whether a lease may be passed on; asks the bridge's endpoints."""
        if not proof:
            return LeaseVerdict(message, "strict: no proof has come")
        try:
            signature = bytes.fromhex(message.signature[2:])
            lease = message.lease()
            ground = ground_of(parse_lease_proof(proof), lease, signature, self._domain)
            self._chain.require(ground)
        except (ProtocolError, WitnessError) as error:
            return LeaseVerdict(message, f"strict: {error}")
        return LeaseVerdict(message)

    def _work(self) -> None:
        while True:
            message, proof = self._jobs.get()
            for message, proof in _drain(self._jobs):  # noqa: B007  # only the newest counts
                pass
            try:
                verdict = self.judge(message, proof)
            except Exception as error:  # noqa: BLE001  # whatever fails, no lease follows from it
                _log.error("witness fails", drill=self._drill, reason=repr(error)[:200])
                verdict = LeaseVerdict(message, "strict: the witness failed")
            self._verdicts.put(verdict)
            self._wake()


def _drain(queue: SimpleQueue[_T]) -> list[_T]:
    found: list[_T] = []
    while True:
        try:
            found.append(queue.get_nowait())
        except Empty:
            return found


def open_witness(drill: int, settings: StrictSettings, wake: Callable[[], None]) -> Witness:
    """A witness with endpoints of its own; nothing is asked of them yet."""
    timeout_seconds = settings.request_timeout_seconds
    nodes = [WitnessNode(url, settings.chain_id, timeout_seconds) for url in settings.rpc_urls]
    own = Nodes(nodes, settings.quorum, timeout_seconds)
    return Witness(drill, settings.domain, ChainWitness(own, settings.proof_age_seconds), wake)
