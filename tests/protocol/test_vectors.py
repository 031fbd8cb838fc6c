"""The shared vectors: our code reproduces them, and making them anew changes nothing."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from lab.rig.generate import generated, stale
from lab.rig.services import ROOT
from protocol.abi import drill_meter_abi
from protocol.errors import SampleError
from protocol.merkle import Frontier, leaf_hash, range_siblings, tree_root, verify_range
from protocol.orders import FORWARDED, forwarder_domain, order_digest
from protocol.records import Caps, Domain, Lease, LevelRate, Reading, Registers, Tariff
from protocol.sample import ControllerFault, Sample, decode_sample, encode_sample
from protocol.tariff import balance, charge, limit, owed
from protocol.typed_data import (
    batch_digest,
    domain_separator,
    lease_digest,
    recover_signer,
    sign_digest,
)

FOLDER = Path(__file__).parents[1] / "vectors"


def load(name: str) -> Any:
    return json.loads((FOLDER / name).read_text("ascii"))


def raw(text: str) -> bytes:
    return bytes.fromhex(text.removeprefix("0x"))


def domain_of(case: Any) -> Domain:
    return Domain(int(case["domain"]["chain_id"]), case["domain"]["contract"])


def require_signatures(case: Any, digest: bytes, keys: list[Any]) -> None:
    assert domain_separator(domain_of(case)) == raw(case["domain_separator"])
    assert digest == raw(case["digest"])
    for key, signed in zip(keys, case["signatures"], strict=True):
        assert signed["key"] == key["name"]
        assert sign_digest(raw(key["private_key"]), digest) == raw(signed["signature"])
        assert recover_signer(digest, raw(signed["signature"])) == key["address"]


def test_generate__anew__changes_nothing() -> None:
    files = generated()
    assert {path.name for path in FOLDER.iterdir()} < {path.name for path in files}
    assert [str(path.relative_to(ROOT)) for path in stale(files)] == []


def test_drill_meter_abi__committed__has_the_functions_that_others_call() -> None:
    names = {entry.get("name") for entry in drill_meter_abi()}
    assert {"deposit", "open_rental", "settle", "close_rental", "BalancePositive"} <= names


def test_batch_digest__shared_vectors__agree() -> None:
    data = load("typed_data.json")
    for case in data["batches"]:
        batch = []
        for fields in case["readings"]:
            rental, until, *registers, size = (int(v) for v in list(fields.values())[:9])
            batch.append(
                Reading(rental, until, Registers(*registers), size, raw(fields["log_root"]))
            )
        require_signatures(case, batch_digest(domain_of(case), batch), data["keys"])


def test_order_digest__shared_vectors__agree() -> None:
    data = load("orders.json")
    kinds = {kind.NAME: kind for kind in FORWARDED}
    assert {case["kind"] for case in data["orders"]} == set(kinds)
    for case in data["orders"]:
        meter = Domain(int(case["meter"]["chain_id"]), case["meter"]["contract"])
        fields = case["order"]
        values = {n: v if v.startswith("0x") else int(v) for n, v in fields.items()}
        order = kinds[case["kind"]](**values)
        assert forwarder_domain(meter).contract == case["domain"]["contract"].lower()
        digest = order_digest(meter, order)
        assert digest == raw(case["digest"])
        for key, signed in zip(data["keys"], case["signatures"], strict=True):
            assert recover_signer(digest, raw(signed["signature"])) == key["address"]


def test_lease_digest__shared_vectors__agree() -> None:
    data = load("typed_data.json")
    for case in data["leases"]:
        lease = Lease(**{name: int(value) for name, value in case["lease"].items()})
        require_signatures(case, lease_digest(domain_of(case), lease), data["keys"])


def test_charge__shared_vectors__agree() -> None:
    for case in load("charges.json")["cases"]:
        one, two, three = (
            LevelRate(**{name: int(value) for name, value in rate.items()})
            for rate in case["levels"]
        )
        tariff = Tariff((one, two, three), int(case["standing_price_per_second"]), 0)
        used = Registers(**{name: int(value) for name, value in case["registers"].items()})
        charged = charge(tariff, used, int(case["elapsed_ms"]))
        assert charged == int(case["charge"])
        for left in case["balances"]:
            assert balance(int(left["funded"]), charged) == int(left["balance"])


def test_owed__shared_vectors__agree() -> None:
    for case in load("caps.json")["cases"]:
        numbers = {name: int(value) for name, value in case.items()}
        caps, elapsed_ms = Caps(numbers["per_rental"], numbers["per_hour"]), numbers["elapsed_ms"]
        assert limit(numbers["funded"], caps, elapsed_ms) == numbers["limit"]
        owing = owed(numbers["charge"], numbers["funded"], caps, elapsed_ms)
        assert owing == numbers["owed"]
        assert balance(numbers["funded"], owing) == numbers["balance"]


def sample_of(fields: dict[str, str]) -> Sample:
    values = {name: int(value) for name, value in fields.items()}
    flags = values["flags"]
    names = ("sequence", "time_ms", "drill", "level", "rpm", "torque_mnm", "current_ma")
    return Sample(
        **{name: values[name] for name in names},
        temperature_mc=values["temperature_mc"],
        rental=values["rental"],
        motor_on=bool(flags & 1),
        trigger=bool(flags & 2),
        inhibited=bool(flags & 4),
        fault_flags=ControllerFault(values["fault_flags"]),
        odometer=Registers(*list(values.values())[-6:]),
    )


def test_encode_sample__shared_vectors__agree() -> None:
    for case in load("samples.json")["samples"]:
        sample = sample_of(case["fields"])
        assert encode_sample(sample) == raw(case["bytes"])
        assert decode_sample(raw(case["bytes"])) == sample


@pytest.mark.parametrize("case", load("samples.json")["not_samples"], ids=lambda c: c["why"])
def test_decode_sample__shared_bytes_that_are_no_sample__are_refused(case: Any) -> None:
    with pytest.raises(SampleError):
        decode_sample(raw(case["bytes"]))


def test_merkle__shared_vectors__agree() -> None:
    data = load("merkle.json")
    contents = [raw(leaf) for leaf in data["leaves"]]
    leaves = [leaf_hash(content) for content in contents]
    roots = [raw(root) for root in data["roots"]]
    frontier = Frontier()
    for root, content in zip(roots, [*contents, b""], strict=True):
        assert frontier.root() == root
        frontier = frontier.append(content)
    for case in data["inclusion"]:
        index, size, path = case["index"], case["size"], [raw(h) for h in case["path"]]
        spans = range_siblings(index, 1, size)
        # The RFC names the nearest sibling first, a range proof the leftmost.
        proof = [tree_root(leaves[start : start + width]) for start, width in spans]
        assert sorted(proof) == sorted(path)
        verify_range([contents[index]], index, size, roots[size], proof)
