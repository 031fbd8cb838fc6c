"""What a proof shows, and that an altered or forged one shows nothing."""

from __future__ import annotations

import json
import socket
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
import rlp
from eth_hash.auto import keccak
from hypothesis import given, settings
from hypothesis import strategies as st
from proof_forge import (
    CONTRACT,
    CUSTOMER,
    LEVELS,
    OPENED_AT,
    RENTAL,
    STANDING,
    Block,
    drilling,
    entry,
    minute_proof,
    opened,
    published,
    receipt,
    root_of,
    run,
    sample_proof,
    settled,
    settlement_block,
    terms_blocks,
    until_of,
)
from typer.testing import CliRunner

from audit.cli import app
from audit.proof.minute import share
from audit.proof.proof_file import ProofFile, ProofFileError, parse_proof_file
from audit.proof.verify import NotShownError, verify
from protocol.merkle import leaf_hash
from protocol.sample import decode_sample

DATA = drilling(1_300)
BLOCK = settlement_block(DATA)
PROOF = sample_proof(DATA, 812)
MINUTE, MINUTE_HASHES = minute_proof(DATA, 1)


def changed(proof: ProofFile, change: Callable[[dict[str, Any]], None]) -> ProofFile:
    content = proof.model_dump()
    change(content)
    return ProofFile.model_validate(content)


def not_shown(proof: ProofFile, *trusted: str) -> str:
    with pytest.raises(NotShownError) as caught:
        verify(proof, trusted or (BLOCK.hash,))
    return caught.value.name


def with_block(block: Block, transaction: int = 0, log: int = 0) -> ProofFile:
    evidence = block.evidence(transaction, log)
    return PROOF.model_copy(update={"settlement": evidence})


def mine() -> list[Any]:
    return settled(RENTAL, until_of(DATA), len(DATA), root_of(DATA))


def test_verify__true_sample__shown_with_its_reading() -> None:
    shown = verify(PROOF, {BLOCK.hash})
    assert shown.samples == (decode_sample(DATA[812]),)
    assert shown.first == 812
    assert shown.settlement.args["log_size"] == 1_300
    assert shown.settlement.block == 100
    assert parse_proof_file(PROOF.to_json()) == PROOF


@pytest.mark.parametrize("kind", [0, 1, 2, 3, 4])
def test_verify__every_kind_of_transaction__shown(kind: int) -> None:
    block = Block([receipt([mine()], kind=kind)])
    verify(with_block(block), {block.hash})


@pytest.mark.parametrize("transaction", [0, 1, 127, 128, 255, 256, 299])
def test_verify__crowded_block__shown(transaction: int) -> None:
    receipts = [receipt([]) for _ in range(300)]
    receipts[transaction] = receipt([mine()])
    block = Block(receipts)
    verify(with_block(block, transaction), {block.hash})


def test_verify__hash_of_another_block__named() -> None:
    assert not_shown(PROOF, "0x" + "00" * 32) == "block-hash-differs"


@pytest.mark.parametrize(
    ("logs", "options", "name"),
    [
        ([mine()], {"status": b""}, "transaction-failed"),
        ([mine()], {"status": bytes(32)}, "transaction-failed"),
        ([mine()], {"kind": 5}, "receipt-malformed"),
        ([mine()], {"kind": 0x7E}, "receipt-malformed"),
        ([], {}, "log-missing"),
        ([settled(RENTAL, 5, 5, bytes(32), "0x" + "99" * 20)], {}, "log-of-another-contract"),
        ([settled(RENTAL + 1, until_of(DATA), 1_300, root_of(DATA))], {}, "rental-differs"),
        ([opened()], {}, "event-differs"),
        ([published()], {}, "event-differs"),
        ([entry("UsageSettled", [RENTAL], bytes(160 + 32))], {}, "event-differs"),
        ([entry("UsageSettled", [RENTAL], bytes(128))], {}, "event-differs"),
        ([entry("UsageSettled", [RENTAL, 1], bytes(160))], {}, "event-differs"),
        ([[bytes.fromhex(CONTRACT[2:]), [], bytes(160)]], {}, "event-differs"),
        ([[bytes.fromhex(CONTRACT[2:]), [bytes(31)], b""]], {}, "receipt-malformed"),
        ([[bytes.fromhex(CONTRACT[2:]), b"", b""]], {}, "receipt-malformed"),
        ([mine()[:2]], {}, "receipt-malformed"),
        ([settled(RENTAL, until_of(DATA), 2**63, root_of(DATA))], {}, "log-size-impossible"),
        ([settled(RENTAL, until_of(DATA), 812, root_of(DATA))], {}, "sample-not-in-log"),
        ([settled(RENTAL, until_of(DATA), 0, root_of(DATA))], {}, "sample-not-in-log"),
    ],
)
def test_verify__true_block_with_something_else_in_it__named(
    logs: list[Any], options: dict[str, Any], name: str
) -> None:
    block = Block([receipt(logs, **options)])
    assert not_shown(with_block(block), block.hash) == name


def test_verify__time_beside_the_meter_word__named() -> None:
    log = mine()
    log[2] = (5).to_bytes(32, "big") + log[2][32:]
    block = Block([receipt([log])])
    assert not_shown(with_block(block), block.hash) == "until-differs"


def test_verify__entries_of_other_rentals_and_contracts_beside_it__each_named() -> None:
    for log, name in ((0, "rental-differs"), (1, "log-of-another-contract"), (3, "log-missing")):
        proof = changed(PROOF, lambda content, log=log: content["settlement"].update(log=log))
        assert not_shown(proof) == name
    other = changed(PROOF, lambda content: content["settlement"].update(transaction=2))
    assert not_shown(other) == "receipt-not-in-block"


def test_verify__node_of_the_tree_instead_of_a_sample__named() -> None:
    inner = leaf_hash(DATA[812]) + leaf_hash(DATA[813])
    padded = "0x" + (inner + bytes(96 - len(inner))).hex()
    proof = changed(PROOF, lambda content: content["samples"].update(leaves=[padded]))
    assert not_shown(proof) == "sample-not-in-log"


def test_verify__header_instead_of_a_node_and_value_instead_of_a_receipt__named() -> None:
    # A trie with a short way to the value, whose leaf is given as if it were a header.
    block = Block([receipt([mine()])])
    evidence = block.evidence(0, 0)
    swapped = evidence.model_copy(update={"header": evidence.nodes[0]})
    proof = PROOF.model_copy(update={"settlement": swapped})
    leaf = "0x" + block.trie.root_hash.hex()
    assert not_shown(proof, leaf) == "header-malformed"


@pytest.mark.parametrize(
    "header",
    [
        b"",
        b"\x01",
        rlp.encode([b""] * 14),
        rlp.encode([b""] * 16),
        rlp.encode([[]] * 16),
        rlp.encode([bytes(32)] * 16),
        BLOCK.header + b"\x00",
        BLOCK.header[:-1],
    ],
)
def test_verify__header_that_is_none__named(header: bytes) -> None:
    proof = changed(PROOF, lambda content: content["settlement"].update(header="0x" + header.hex()))
    assert not_shown(proof, BLOCK.hash) == "header-malformed"


def leaves_of(content: Any, place: tuple[Any, ...] = ()) -> Iterator[tuple[Any, ...]]:
    if isinstance(content, dict):
        for name, inner in content.items():
            yield from leaves_of(inner, (*place, name))
    elif isinstance(content, list):
        for number, inner in enumerate(content):
            yield from leaves_of(inner, (*place, number))
    elif content is not None:
        yield place


SHORT = drilling(9, OPENED_AT * 1000 + 59_500)
SHORT_MINUTE, SHORT_HASHES = minute_proof(SHORT, 1)
PLACES = list(leaves_of(SHORT_MINUTE.model_dump()))


@settings(deadline=None, max_examples=300)
@given(st.data(), st.sampled_from(PLACES))
def test_verify__any_field_mutated__not_shown(
    source: st.DataObject, place: tuple[Any, ...]
) -> None:
    content = SHORT_MINUTE.model_dump()
    inner = content
    for name in place[:-1]:
        inner = inner[name]
    before = inner[place[-1]]
    if isinstance(before, int):
        after: Any = source.draw(
            st.sampled_from(
                [0, 1, True, None, -1, 2**63, 1.0, str(before), before + 1, before + 60_000]
            )
        )
    elif before.startswith("0x"):
        digit = source.draw(st.integers(2, len(before) - 1))
        kind = source.draw(st.sampled_from(["change", "cut", "add", "upper"]))
        other = "0" if before[digit] != "0" else "1"
        after = {
            "change": before[:digit] + other + before[digit + 1 :],
            "cut": before[: digit - digit % 2],
            "add": before + "00",
            "upper": before[:2] + before[2:].upper(),
        }[kind]
    else:
        after = source.draw(st.sampled_from(["", "sample", "smart-drill proof 2", 1, None]))
    if type(after) is type(before) and after == before:
        return
    inner[place[-1]] = after
    altered = json.dumps(content, indent=1).encode() + b"\n"
    if place == ("chain_id",) and type(after) is int and after >= 0 and after < 2**63:
        # No block says its chain's number: it is held against the reader's word only.
        return
    with pytest.raises((NotShownError, ProofFileError)):
        verify(parse_proof_file(altered), SHORT_HASHES)


@settings(deadline=None, max_examples=300)
@given(st.integers(0, len(SHORT_MINUTE.to_json()) - 1), st.integers(1, 255))
def test_verify__any_byte_altered__not_shown(place: int, by: int) -> None:
    content = bytearray(SHORT_MINUTE.to_json())
    start = content.index(b'"chain_id"')
    content[place] ^= by
    if start <= place <= content.index(b"\n", start) and b'"chain_id": ' in content:
        return
    with pytest.raises((NotShownError, ProofFileError)):
        verify(parse_proof_file(bytes(content)), SHORT_HASHES)


@settings(deadline=None, max_examples=200)
@given(st.binary(max_size=200) | st.text(max_size=200).map(str.encode))
def test_parse_proof_file__anything__proof_file_error(content: bytes) -> None:
    with pytest.raises(ProofFileError):
        parse_proof_file(content)


@pytest.mark.parametrize(
    "altered",
    [
        PROOF.to_json().replace(b'"rental": 7', b'"rental": 8,\n "rental": 7'),
        PROOF.to_json().replace(b'"rental": 7', b'"rental": true'),
        PROOF.to_json().replace(b'"rental": 7', b'"rental": 7.0'),
        PROOF.to_json().replace(b'"rental": 7', b'"rental": "7"'),
        PROOF.to_json().replace(b'"rental": 7', b'"rental": 1e400'),
        PROOF.to_json().replace(b'"rental": 7', b'"rental": ' + b"9" * 5_000),
        PROOF.to_json().replace(b'"rental": 7', b'"rental": 7, "more": 1'),
        PROOF.to_json().replace(b'"rental"', b'"r\\u0065ntal"'),
        PROOF.to_json().replace(b'"kind": "sample"', b'"kind": "minute"'),
        PROOF.to_json() + b" ",
        PROOF.to_json() * 2,
        PROOF.to_json()[:-2],
        b"[" * 200_000,
        b"\xff\xfe",
        b"null",
        b" " * (16 * 2**20 + 1),
    ],
)
def test_parse_proof_file__not_in_the_one_form__refused(altered: bytes) -> None:
    with pytest.raises(ProofFileError):
        parse_proof_file(altered)


def test_verify__minute_with_all_blocks_trusted__usage_and_price() -> None:
    shown = verify(MINUTE, MINUTE_HASHES)
    assert shown.terms is not None
    assert shown.terms.opening.args["customer"] == CUSTOMER
    found = share(shown, shown.terms, MINUTE.minute.start_ms, begun=True)  # type: ignore[union-attr]
    # 600 steps of 100 ms, levels change every 50 samples: 600 .. 1199.
    assert found.usage.active_ms == (20_000, 20_000, 20_000)
    assert found.usage.rpm_ms == (20_000 * 450, 20_000 * 450, 20_000 * 300)
    thousandths = 60_000 * STANDING
    for (per_second, per_1000, _), turns in zip(LEVELS, (150, 150, 100), strict=True):
        thousandths += 20_000 * per_second + turns * per_1000
    assert found.charge == thousandths // 1000


@pytest.mark.parametrize("missing", [0, 1, 2])
def test_verify__minute_with_a_block_that_is_not_trusted__named(missing: int) -> None:
    given = [one for place, one in enumerate(MINUTE_HASHES) if place != missing]
    assert not_shown(MINUTE, *given) == "block-hash-differs"


def minute_with(**changes: Any) -> ProofFile:
    return MINUTE.model_copy(
        update={
            key: value
            for key, value in changes.items()
            if key in ("samples", "settlement", "rental")
        }
        | {
            "minute": MINUTE.minute.model_copy(  # type: ignore[union-attr]
                update={k: v for k, v in changes.items() if k in ("begun", "opening", "tariff")}
            )
        }
    )


@pytest.mark.parametrize(
    ("changes", "name"),
    [
        ({"samples": run(DATA, 600, 601)}, "minute-incomplete"),
        ({"samples": run(DATA, 599, 601)}, "minute-incomplete"),
        ({"samples": run(DATA, 700, 100)}, "minute-incomplete"),
        ({"samples": run(DATA, 10, 100)}, "minute-incomplete"),
        ({"begun": None}, "meter-not-begun"),
        ({"begun": run(DATA, 5, 1)}, "meter-not-begun"),
        ({"begun": run(DATA, 599, 1)}, "meter-not-begun"),
        ({"begun": run(DATA, 2, 2)}, "meter-not-begun"),
        ({"begun": run(DATA[:700], 2, 1)}, "sample-not-in-log"),
        ({"opening": terms_blocks()[1].evidence(0, 0)}, "event-differs"),
        ({"tariff": terms_blocks()[0].evidence(0, 0)}, "event-differs"),
        ({"opening": terms_blocks(rental=8)[0].evidence(0, 0)}, "rental-differs"),
        ({"opening": terms_blocks(drill=4)[0].evidence(0, 0)}, "drill-differs"),
        ({"opening": terms_blocks(tariff=1)[0].evidence(0, 0)}, "tariff-differs"),
        (
            {"tariff": Block([receipt([published()])], number=60).evidence(0, 0)},
            "blocks-out-of-order",
        ),
    ],
)
def test_verify__minute_with_something_else__named(changes: dict[str, Any], name: str) -> None:
    proof = minute_with(**changes)
    assert proof.minute is not None
    headers = [one.header for one in (proof.settlement, proof.minute.opening, proof.minute.tariff)]
    trusted = ["0x" + keccak(bytes.fromhex(header[2:])).hex() for header in headers]
    assert not_shown(proof, *trusted) == name


def test_verify__samples_of_the_minute_out_of_order__named() -> None:
    data = [*DATA[:700], DATA[701], DATA[700], *DATA[702:]]
    proof, hashes = minute_proof(data, 1)
    assert not_shown(proof, *hashes) == "samples-out-of-order"


def test_command__true_proof__says_what_is_shown_and_what_not(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def no_network(*_: object, **__: object) -> None:
        raise AssertionError("the verifier opened a socket")

    monkeypatch.setattr(socket.socket, "connect", no_network)
    file = tmp_path / "proof.json"
    file.write_bytes(MINUTE.to_json())
    options = [part for one in MINUTE_HASHES for part in ("--block-hash", one)]
    done = CliRunner().invoke(app, ["verify", str(file), *options])
    assert done.exit_code == 0, done.output
    assert "its share of the bill: " in done.output
    assert f"That {CONTRACT} is the contract you mean: give --contract." in done.output
    alone = CliRunner().invoke(app, ["verify", str(file), *options[:2], "--contract", CONTRACT])
    assert alone.exit_code == 1, alone.output
    assert "block-hash-differs" in alone.stderr
    assert MINUTE_HASHES[1] not in alone.stderr


@pytest.mark.parametrize(
    ("options", "status", "said"),
    [
        (["--contract", "0x" + "d2" * 20], 1, "contract-differs"),
        (["--chain-id", "1"], 1, "chain-differs"),
        (["--contract", "nobody"], 2, "nobody"),
        (["--block-hash", "0x12"], 2, "not a hash of a block"),
    ],
)
def test_command__not_what_the_reader_means__said(
    tmp_path: Path, options: list[str], status: int, said: str
) -> None:
    file = tmp_path / "proof.json"
    file.write_bytes(PROOF.to_json())
    done = CliRunner().invoke(app, ["verify", str(file), "--block-hash", BLOCK.hash, *options])
    assert done.exit_code == status
    assert said in done.stderr


def test_command__no_file_and_no_proof__exit_2(tmp_path: Path) -> None:
    for content in (None, b"{}"):
        file = tmp_path / "proof.json"
        if content is not None:
            file.write_bytes(content)
        done = CliRunner().invoke(app, ["verify", str(file), "--block-hash", BLOCK.hash])
        assert done.exit_code == 2
        assert done.stderr.startswith("drill-audit: ")
