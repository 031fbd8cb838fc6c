"""One thing altered between the chain and the auditor, and the finding that names it."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import pytest
from audit_rig import Lie, LyingNode, RefusalError, Told, audit, names, topic
from web3 import HTTPProvider, Web3

from audit.errors import OtherChainError
from audit.findings import Grade
from audit.result import Result
from lab.rig.box_keys import box_key
from lab.rig.history import tell
from lab.rig.services import Anvil
from lab.rig.yard import Yard
from protocol.created import forwarder_address, lens_address
from protocol.headers import header_hash
from protocol.meter_word import unpack_meter
from protocol.records import Reading
from protocol.typed_data import batch_digest

pytestmark = pytest.mark.integration

NO_RECEIPTS = "receipts-not-checked"


@pytest.fixture(scope="module")
def told(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Told]:
    with Anvil(tmp_path_factory.mktemp("anvil"), options=("--hardfork", "osaka")) as anvil:
        yard = Yard(Web3(HTTPProvider(anvil.url)))
        tell(yard, 13)
        yield Told(anvil.url, yard.contract.address, anvil.chain_id, yard)


def logs_of(told: Told, name: str) -> list[Any]:
    return list(told.yard.contract.events[name]().get_logs(from_block=0))


def place_of(event: Any) -> tuple[int, int]:
    return event["blockNumber"], event["logIndex"]


def place_in(log: dict[str, Any]) -> tuple[int, int]:
    return int(log["blockNumber"], 16), int(log["logIndex"], 16)


def honest(_method: str, _parameters: list[Any], result: Any) -> Any:
    return result


def hiding(event: Any) -> Lie:
    """The node leaves one log entry out of its answers to eth_getLogs."""

    def lie(method: str, _parameters: list[Any], result: Any) -> Any:
        if method == "eth_getLogs":
            return [log for log in result if place_in(log) != place_of(event)]
        return result

    return lie


def adding_to_data(event: Any, word: int, more: int, *, receipts: bool = False) -> Lie:
    """The node changes a number in one log entry, in its receipts too if told."""

    def change(log: dict[str, Any]) -> dict[str, Any]:
        if place_in(log) != place_of(event):
            return log
        start = 2 + 64 * word
        number = int(log["data"][start : start + 64], 16) + more
        return {**log, "data": log["data"][:start] + f"{number:064x}" + log["data"][start + 64 :]}

    def lie(method: str, _parameters: list[Any], result: Any) -> Any:
        if method == "eth_getLogs":
            return [change(log) for log in result]
        if receipts and method == "eth_getBlockReceipts":
            return [{**one, "logs": [change(log) for log in one["logs"]]} for one in result]
        return result

    return lie


def without_receipts(lie: Lie) -> Lie:
    """The same on a node that gives no receipts."""

    def other(method: str, parameters: list[Any], result: Any) -> Any:
        if method == "eth_getBlockReceipts":
            raise RefusalError("the method eth_getBlockReceipts does not exist")
        return lie(method, parameters, result)

    return other


def audited(told: Told, lie: Lie, **order: Any) -> Result:
    with LyingNode(told.url, lie) as node:
        return audit(node.url, told.contract, **order)


def a_middle_settlement(told: Told) -> Any:
    """One that a later one of the same rental covers up in the state."""
    return logs_of(told, "UsageSettled")[2]


HIDDEN: dict[str, tuple[Callable[[Told], Any], str]] = {
    "settlement": (a_middle_settlement, "settlement-log-missing"),
    "deposit": (lambda told: logs_of(told, "Deposited")[3], "account-overdrawn"),
    "tariff": (lambda told: logs_of(told, "TariffPublished")[1], "tariff-unknown"),
    "rental": (lambda told: logs_of(told, "RentalOpened")[4], "rental-unknown"),
    "credit": (lambda told: logs_of(told, "BalancePositive")[4], "event-missing"),
    "rotation": (lambda told: logs_of(told, "OracleRotated")[0], "reading-signed-by-another-key"),
    "withdrawal": (lambda told: logs_of(told, "Withdrawn")[0], "account-state-differs"),
    "collection": (lambda told: logs_of(told, "RevenueCollected")[0], "held-differs"),
    "closing": (lambda told: logs_of(told, "RentalClosed")[1], "event-missing"),
}


@pytest.mark.parametrize("what", HIDDEN)
def test_run__node_hides_a_log__found_by_the_receipts(told: Told, what: str) -> None:
    event = HIDDEN[what][0](told)
    result = audited(told, hiding(event))
    assert names(result) == {"log-hidden"}
    assert result.findings.kept[0].subject == "block {}, log {}".format(*place_of(event))
    assert result.findings.exit_status() == 1


@pytest.mark.parametrize("what", HIDDEN)
def test_run__node_hides_a_log_and_gives_no_receipts__found_by_the_rest(
    told: Told, what: str
) -> None:
    choose, finding = HIDDEN[what]
    assert finding in names(audited(told, without_receipts(hiding(choose(told)))))


CHANGED: dict[str, tuple[str, int, int, str]] = {
    # The event, its word, by how much, and what finds it without receipts.
    "deposit": ("Deposited", 0, 1, "account-state-differs"),
    "charge": ("UsageSettled", 4, 1, "charge-differs"),
    "registers": ("UsageSettled", 1, 1 << 43, "settlement-not-in-calldata"),
    "log root": ("UsageSettled", 3, 1, "settlement-not-in-calldata"),
    "funds": ("ToppedUp", 1, 1, "funds-differ"),
    "rental's tariff": ("RentalOpened", 0, 1, "event-impossible"),
    "refund": ("RentalClosed", 1, 1, "refund-differs"),
    "collected": ("RevenueCollected", 0, 1, "collected-beyond-earned"),
    "bond": ("BondPosted", 1, 1, "bond-differs"),
    "dispute's refund": ("UsageDisputed", 2, 1, "dispute-refund-differs"),
    "dispute's part from the revenue": ("UsageDisputed", 3, 1, "dispute-refund-differs"),
    "penalty": ("UsageDisputed", 4, 1, "penalty-differs"),
    "notice": ("BondReleaseAnnounced", 1, -1, "bond-notice-differs"),
    "tariff's price": ("TariffPublished", 0, 1, "charge-differs"),
    "tariff's standing price": ("TariffPublished", 9, 1, "tariff-state-differs"),
}


@pytest.mark.parametrize("what", CHANGED)
def test_run__node_changes_a_number__found_by_the_receipts(told: Told, what: str) -> None:
    name, word, more, _ = CHANGED[what]
    result = audited(told, adding_to_data(logs_of(told, name)[0], word, more))
    assert names(result) == {"log-altered"}


@pytest.mark.parametrize("what", CHANGED)
def test_run__node_changes_a_number_and_gives_no_receipts__found_by_name(
    told: Told, what: str
) -> None:
    name, word, more, finding = CHANGED[what]
    lie = without_receipts(adding_to_data(logs_of(told, name)[0], word, more))
    assert {finding, NO_RECEIPTS} <= names(audited(told, lie))


def test_run__node_changes_logs_and_receipts_alike__root_differs(told: Told) -> None:
    event = logs_of(told, "UsageSettled")[0]
    result = audited(told, adding_to_data(event, 4, 1, receipts=True))
    assert names(result) == {"receipts-root-differs", "charge-differs"}


def test_run__node_invents_a_log__found_by_the_receipts(told: Told) -> None:
    event = logs_of(told, "Deposited")[0]

    def lie(method: str, _parameters: list[Any], result: Any) -> Any:
        if method == "eth_getLogs":
            twice = [log for log in result if place_in(log) == place_of(event)]
            return result + [{**log, "logIndex": "0x63"} for log in twice]
        return result

    assert names(audited(told, lie)) == {"log-invented"}


def resigned(told: Told, event: Any, key: Any) -> Lie:
    """The node gives calldata in which another key has signed the batch of a settlement."""
    transaction = event["transactionHash"].to_0x_hex()
    contract = told.yard.contract
    sent = told.yard.web3.eth.get_transaction(transaction)["input"]
    _, arguments = contract.decode_function_input(sent)
    first, count = 0, 0
    signatures = []
    for signature in arguments["signatures"]:
        count = signature["count"]
        readings = [
            Reading(one["rental"], *unpack_meter(one["meter"]), one["log_size"], one["log_root"])
            for one in arguments["readings"][first : first + count]
        ]
        first += count
        r, vs = key.sign(batch_digest(told.yard.domain, readings))
        signatures.append((signature["oracle"], count, r, vs))
    readings_sent = [tuple(one.values()) for one in arguments["readings"]]
    forged = contract.encode_abi("settle", args=[signatures, readings_sent])

    def lie(method: str, parameters: list[Any], result: Any) -> Any:
        if method == "eth_getTransactionByHash" and parameters[0] == transaction:
            return {**result, "input": forged}
        return result

    return lie


def settlement_of(told: Told, oracle: int, place: int) -> Any:
    """A settlement of one reading of that oracle's rental."""
    meters = told.yard.meters
    events = [
        e for e in logs_of(told, "UsageSettled") if meters[e["args"]["rental"]].oracle == oracle
    ]
    return events[place]


def test_run__reading_signed_by_a_stranger__found(told: Told) -> None:
    lie = resigned(told, settlement_of(told, 2, 0), box_key(99))
    assert names(audited(told, lie)) == {"reading-signed-by-another-key"}


def test_run__reading_signed_before_the_key_was_registered__found(told: Told) -> None:
    # In the history box 1 is the first to get a second key.
    lie = resigned(told, settlement_of(told, 1, 0), box_key(1, 2))
    assert "reading-signed-before-registration" in names(audited(told, lie))


def test_run__reading_signed_after_the_key_was_rotated_away__found(told: Told) -> None:
    lie = resigned(told, settlement_of(told, 1, -1), box_key(1, 1))
    found = audited(told, lie)
    assert "reading-signed-after-retirement" in names(found)


def test_run__reading_settled_after_its_key_was_revoked__found(told: Told) -> None:
    """The node tells of the last reading, which was refused to the revoked box, that it settled."""
    event = logs_of(told, "ReadingRejected")[-1]
    assert event["args"]["reason"] == "not signed by its oracle"
    contract = told.yard.contract
    sent = told.yard.web3.eth.get_transaction(event["transactionHash"])["input"]
    (reading,) = contract.decode_function_input(sent)[1]["readings"]
    meter, size, root = reading["meter"], reading["log_size"], reading["log_root"]
    words = (unpack_meter(meter)[0], meter, size, int.from_bytes(root, "big"), 0)

    def lie(method: str, _parameters: list[Any], result: Any) -> Any:
        if method != "eth_getLogs":
            return result
        settled = {"data": "0x" + "".join(f"{word:064x}" for word in words)}
        return [
            {**log, **settled, "topics": [topic("UsageSettled"), *log["topics"][1:]]}
            if place_in(log) == place_of(event)
            else log
            for log in result
        ]

    found = audited(told, without_receipts(lie))
    assert "reading-signed-after-retirement" in names(found)


def test_run__chain_id_not_the_one_asked_for__refused(told: Told) -> None:
    with pytest.raises(OtherChainError, match="serves chain 31337, not chain 1"):
        audit(told.url, told.contract, chain_id=1)


def test_run__no_contract_at_the_address__refused(told: Told) -> None:
    with pytest.raises(OtherChainError, match="no contract"):
        audit(told.url, "0x" + "77" * 20)


def test_run__one_byte_of_the_code_differs__found(told: Told) -> None:
    def lie(method: str, _parameters: list[Any], result: Any) -> Any:
        if method == "eth_getCode" and len(result) > 1_000:
            return result[:1_000] + ("0" if result[1_000] != "0" else "1") + result[1_001:]
        return result

    assert names(audited(told, lie)) == {"code-differs"}


def test_run__one_byte_of_the_lens_differs__found(told: Told) -> None:
    def lie(method: str, parameters: list[Any], result: Any) -> Any:
        if method == "eth_getCode" and parameters[0] == lens_address(told.contract):
            return result[:1_000] + ("0" if result[1_000] != "0" else "1") + result[1_001:]
        return result

    (found,) = (f for f in audited(told, lie).findings if f.name == "code-differs")
    assert found.subject == f"lens {lens_address(told.contract)}"


@pytest.mark.parametrize(
    ("place", "name"), [(1_000, "code-differs"), (-1, "terms-differ")], ids=["code", "meter"]
)
def test_run__one_digit_of_the_forwarder_differs__found(told: Told, place, name) -> None:
    """In its code, or in the address of the meter that it is fixed to, which comes last."""

    def lie(method: str, parameters: list[Any], result: Any) -> Any:
        if method == "eth_getCode" and parameters[0] == forwarder_address(told.contract):
            digits = list(result)
            digits[place] = "0" if digits[place] != "0" else "1"
            return "".join(digits)
        return result

    (found,) = (f for f in audited(told, lie).findings if f.name == name)
    assert found.subject == f"forwarder {forwarder_address(told.contract)}"


def test_run__term_in_the_code_differs_from_the_view__found(told: Told) -> None:
    def lie(method: str, _parameters: list[Any], result: Any) -> Any:
        if method == "eth_getCode" and len(result) > 1_000:
            return result[:-1] + ("0" if result[-1] != "0" else "1")
        return result

    assert "terms-differ" in names(audited(told, lie))


def test_run__some_other_contract__found(told: Told) -> None:
    code = {"from": told.yard.provider, "data": "0x600160005360015ff3"}
    receipt = told.yard.web3.eth.wait_for_transaction_receipt(
        told.yard.web3.eth.send_transaction(code)
    )
    assert names(audit(told.url, str(receipt["contractAddress"]))) == {"code-differs"}


def test_run__header_with_another_time__its_hash_differs(told: Told) -> None:
    event = logs_of(told, "RentalOpened")[0]

    def lie(method: str, parameters: list[Any], result: Any) -> Any:
        if method == "eth_getBlockByNumber" and parameters[0] == hex(event["blockNumber"]):
            return {**result, "timestamp": hex(int(result["timestamp"], 16) - 1)}
        return result

    assert "block-hash-differs" in names(audited(told, lie))


def test_run__last_header_of_another_branch__said(told: Told) -> None:
    last = told.yard.web3.eth.block_number

    def lie(method: str, parameters: list[Any], result: Any) -> Any:
        if method == "eth_getBlockByNumber" and parameters[0] == hex(last):
            other = {**result, "extraData": "0x77"}
            return {**other, "hash": header_hash(other)}
        return result

    result = audited(told, lie)
    assert "reorganisation" in names(result)
    assert result.findings.exit_status() == 2


def test_run__view_that_differs__found_and_proof_still_clean(told: Told) -> None:
    selector = Web3.keccak(text="revenue()")[:4].hex()

    def lie(method: str, parameters: list[Any], result: Any) -> Any:
        if method == "eth_call" and parameters[0]["data"].endswith(selector):
            return f"0x{int(result, 16) + 1:064x}"
        return result

    assert names(audited(told, lie)) == {"contract-state-differs"}
    last = told.yard.web3.eth.get_block("latest")["hash"].to_0x_hex()
    assert names(audited(told, lie, proof=True, block_hash=last)) == set()


def test_run__storage_proof_of_another_word__wrong(told: Told) -> None:
    last = told.yard.web3.eth.get_block("latest")["hash"].to_0x_hex()

    def lie(method: str, _parameters: list[Any], result: Any) -> Any:
        if method == "eth_getProof" and result["storageProof"]:
            first, *others = result["storageProof"]
            leaf = first["proof"][-1]
            forged = {**first, "proof": [*first["proof"][:-1], leaf[:-2] + "00"]}
            return {**result, "storageProof": [forged, *others]}
        return result

    assert names(audited(told, lie, proof=True, block_hash=last)) == {"proof-wrong"}


def test_run__node_without_the_trusted_block__refused(told: Told) -> None:
    with pytest.raises(OtherChainError, match="has no block"):
        audit(told.url, told.contract, proof=True, block_hash="0x" + "ab" * 32)


def test_run__settled_through_another_contract__said_to_be_unchecked(told: Told) -> None:
    event = a_middle_settlement(told)
    transaction = event["transactionHash"].to_0x_hex()

    def lie(method: str, parameters: list[Any], result: Any) -> Any:
        if method == "eth_getTransactionByHash" and parameters[0] == transaction:
            return {**result, "to": "0x" + "11" * 20}
        return result

    result = audited(told, lie)
    assert names(result) == {"signature-unchecked"}
    assert {finding.grade for finding in result.findings} == {Grade.UNCHECKED}
    assert result.findings.exit_status() == 2


def test_run__honest_node__clean(told: Told) -> None:
    assert names(audited(told, honest)) == set()


def test_run__reorganisation_during_the_audit__said(told: Told) -> None:
    """The last test of this file: it changes the chain."""
    done: list[int] = []

    def lie(method: str, _parameters: list[Any], result: Any) -> Any:
        if method == "eth_getLogs" and not done:
            done.append(1)
            told.yard.web3.provider.make_request("anvil_reorg", [3, []])
        return result

    result = audited(told, lie)
    assert "reorganisation" in names(result)
    assert result.findings.exit_status() == 2
