"""Strict mode on real chains: no lease reaches the controller without a deposit in the chain that
the bridge itself asks, whoever holds the oracle's key."""

from __future__ import annotations

import time
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest
from conftest import role_account
from oracle_chain_place import Place
from oracle_world import World, wait
from strict_builders import ORACLE, Made, make, sign

from device.bridge.rpc import Nodes, WitnessNode
from device.bridge.witness import ChainWitness, LeaseVerdict, Witness
from lab.rig.services import Anvil
from protocol.errors import ProofError
from protocol.lease_proof import ground_of, parse_lease_proof
from protocol.records import Domain

pytestmark = pytest.mark.integration

STRANGER = role_account("stranger")
AGE_SECONDS = 60


def witness(made: Made, *urls: str, quorum: int = 1) -> Witness:
    nodes = Nodes([WitnessNode(url, 31337, 5) for url in urls], quorum, 5)
    return Witness(1, made.domain, ChainWitness(nodes, AGE_SECONDS), lambda: None)


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Place]:
    with Anvil(tmp_path_factory.mktemp("logs")) as anvil:
        yield Place(anvil, ORACLE.address)


@pytest.fixture(scope="module")
def made(place: Place) -> Made:
    return make(place)


def test_judge__true_proof_of_the_same_chain__passed_on(place: Place, made: Made) -> None:
    verdict = witness(made, place.anvil.url).judge(made.message, made.proof)

    assert verdict == LeaseVerdict(made.message)
    assert len(made.proof) < 20_000


def test_judge__compromised_oracle_makes_up_a_chain_with_a_deposit__refused(
    place: Place, made: Made, tmp_path: Path
) -> None:
    with Anvil(tmp_path) as anvil:
        real = Place(anvil, ORACLE.address, deposit=False)
        real.mine(20)
        assert real.contract.address == place.contract.address

        refusal = witness(made, anvil.url).judge(made.message, made.proof).refusal

    assert "in the chain" in refusal
    assert "in the proof" in refusal


def test_judge__rental_ended_since__old_proof_is_refused(place: Place) -> None:
    snapshot = place.anvil.rpc("evm_snapshot")
    old = make(place)
    place.send(place.contract.functions.end_rental(1), place.customer)
    place.anvil.rpc("evm_increaseTime", AGE_SECONDS + 5)
    place.mine()
    try:
        assert "older than the newest" in (
            witness(old, place.anvil.url).judge(old.message, old.proof).refusal
        )
        new = make(place)
        with pytest.raises(ProofError, match="rental 1 of drill 1 is not open"):
            ground_of(new.parsed(), new.lease, new.signature, new.domain)
    finally:
        place.anvil.rpc("evm_revert", snapshot)


def test_judge__key_revoked_on_chain__refused_though_the_controller_still_knows_it(
    place: Place,
) -> None:
    snapshot = place.anvil.rpc("evm_snapshot")
    place.send(place.contract.functions.revoke_oracle(1))
    try:
        new = make(place)
        with pytest.raises(ProofError, match="oracle 1 may not sign"):
            ground_of(new.parsed(), new.lease, new.signature, new.domain)
    finally:
        place.anvil.rpc("evm_revert", snapshot)


def test_judge__no_proof_yet__refused(place: Place, made: Made) -> None:
    assert witness(made, place.anvil.url).judge(made.message, b"").refusal.endswith("has come")


def test_judge__own_endpoint_away__refused(made: Made) -> None:
    refusal = witness(made, "http://127.0.0.1:1").judge(made.message, made.proof).refusal

    assert "0 of 1 endpoints answer, 1 needed" in refusal


def test_judge__half_of_the_own_endpoints_away__quorum_of_two_refuses(
    place: Place, made: Made
) -> None:
    urls = (place.anvil.url, "http://127.0.0.1:1")
    assert witness(made, *urls, quorum=2).judge(made.message, made.proof).refusal
    assert not witness(made, *urls, quorum=1).judge(made.message, made.proof).refusal


@pytest.mark.parametrize(
    ("change", "complaint"),
    [
        ({"rental": 2}, "rental 2 of drill 1 is not open"),
        ({"drill": 2}, "rental 1 of drill 2 is not open"),
        ({"block_number": 1}, "the lease of 1"),
    ],
)
def test_ground_of__proof_of_something_else__refused(
    made: Made, change: dict[str, int], complaint: str
) -> None:
    lease = replace(made.lease, **change)

    with pytest.raises(ProofError, match=complaint):
        ground_of(made.parsed(), lease, sign(made.domain, lease), made.domain)


def test_ground_of__signed_by_a_stranger__refused(made: Made) -> None:
    signature = sign(made.domain, made.lease, STRANGER)

    with pytest.raises(ProofError, match="the lease is signed by"):
        ground_of(made.parsed(), made.lease, signature, made.domain)


def test_ground_of__nonce_changed_after_signing__refused(made: Made) -> None:
    lease = replace(made.lease, nonce=made.lease.nonce + 1)

    with pytest.raises(ProofError, match="the lease is signed by"):
        ground_of(made.parsed(), lease, made.signature, made.domain)


def test_ground_of__another_contract__refused(made: Made) -> None:
    other = Domain(31337, "0x" + "77" * 20)

    with pytest.raises(ProofError, match=r"no such account|does not lead"):
        ground_of(made.parsed(), made.lease, sign(other, made.lease), other)


def test_ground_of__other_entry_of_the_same_receipt__is_no_balance_positive(made: Made) -> None:
    proof = made.parsed()
    for index in range(proof.event.log_index):
        other = replace(proof, event=replace(proof.event, log_index=index))
        with pytest.raises(ProofError, match="is not BalancePositive"):
            ground_of(other, made.lease, made.signature, made.domain)
    beyond = replace(proof, event=replace(proof.event, log_index=99))
    with pytest.raises(ProofError, match="no log entry 99"):
        ground_of(beyond, made.lease, made.signature, made.domain)


def test_ground_of__any_node_left_out__refused(made: Made) -> None:
    proof = made.parsed()
    needed = 0
    for place_ in range(len(proof.nodes)):
        nodes = proof.nodes[:place_] + proof.nodes[place_ + 1 :]
        try:
            ground_of(replace(proof, nodes=nodes), made.lease, made.signature, made.domain)
        except ProofError:
            needed += 1
    assert needed == len(proof.nodes)
    without = replace(proof, event=replace(proof.event, nodes=proof.event.nodes[1:]))
    with pytest.raises(ProofError):
        ground_of(without, made.lease, made.signature, made.domain)


def test_ground_of__each_byte_of_the_headers_changed__another_block_or_refused(made: Made) -> None:
    proof = made.parsed()
    true = ground_of(proof, made.lease, made.signature, made.domain)
    for place_ in range(0, len(proof.header), 7):
        header = bytearray(proof.header)
        header[place_] ^= 1
        try:
            found = ground_of(
                replace(proof, header=bytes(header)), made.lease, made.signature, made.domain
            )
        except ProofError:
            continue
        assert found.block_hash != true.block_hash


@pytest.mark.parametrize("payload", [b"", b"\x00", b"\xc0", b"\xff" * 100, b"\xc7" + b"\x01" * 7])
def test_parse_lease_proof__anything_else__proof_error(payload: bytes) -> None:
    with pytest.raises(ProofError):
        parse_lease_proof(payload)
    with pytest.raises(ProofError, match="over"):
        parse_lease_proof(bytes(60_001))


def test_run__proofs_published__each_lease_comes_with_its_proof(tmp_path: Path) -> None:
    with World(tmp_path) as world:
        world.settings.write_text(world.settings_text(chain__publish_proofs="true"))
        proofs = world.bridge.proofs
        with world.daemon() as daemon:
            world.open_rental(10**18)
            wait("lease", lambda: world.bridge.leased() and bool(proofs), daemon)
            time.sleep(3)
            judge = Witness(
                1,
                world.domain,
                ChainWitness(Nodes([WitnessNode(world.anvil.url, 31337, 5)], 1, 5), AGE_SECONDS),
                lambda: None,
            )
            lease, proof = world.bridge.command, proofs[-1]

            assert judge.judge(lease, proof).refusal == ""
