"""The books against the chain's state at the final block: by the views, or by storage proof."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from itertools import islice
from typing import Any, TypeVar

from eth_hash.auto import keccak

from audit.books.books import Books, DeploymentTerms
from audit.books.expect import ExpectedView, Slot, slots, views
from audit.errors import EndpointError, NodeRefusedError
from audit.findings import Findings
from audit.node.decode import signature_hash
from audit.node.fetch import ContractEndpoint
from audit.node.values import (
    ZERO_ADDRESS,
    data,
    hexadecimal,
    proven_account,
    proven_words,
    quantity,
)
from protocol.errors import ProofError
from protocol.headers import Header
from protocol.state_proof import Account

AT_ONCE = 500
"""Views asked, or slots proven, before the next are worked out. Bounds memory."""

SLOTS_IN_A_PROOF = 100

_T = TypeVar("_T")


def _parts(items: Iterable[_T], size: int) -> Iterator[list[_T]]:
    source = iter(items)
    while part := list(islice(source, size)):
        yield part


def compare_views(
    chain: ContractEndpoint, at: Header, books: Books, findings: Findings
) -> tuple[int, dict[int, int]]:
    """Ask every view at that very block; returns how many, and the charge of each rental."""
    asked, charges = 0, {}
    for part in _parts(views(books), AT_ONCE):
        answers = _answers(chain, at, [view.calldata for view in part])
        asked += len(part)
        for view, answer in zip(part, answers, strict=True):
            if view.name == "charge" and answer is not None and len(answer) == 66:
                charges[view.arguments[0]] = int(answer, 16)
            if answer != view.answer:
                findings.add(view.finding, view.subject, _difference(view, answer))
    return asked, charges


def _answers(chain: ContractEndpoint, at: Header, calls: list[str]) -> list[str | None]:
    """Answers of the contract's views; None for one that reverts."""
    block = {"blockHash": at.hash}
    envelopes = [("eth_call", ({"to": chain.contract, "data": one}, block)) for one in calls]
    try:
        return [hexadecimal(data(a, "view")) for a in chain.endpoint.batch(envelopes)]
    except NodeRefusedError:
        pass
    # One of them reverts, so each is asked alone to see which.
    answers: list[str | None] = []
    for method, parameters in envelopes:
        try:
            answers.append(hexadecimal(data(chain.endpoint.call(method, *parameters), "view")))
        except NodeRefusedError as error:
            if "revert" not in str(error):
                raise EndpointError(f"a view at block {at.number}: {error}") from error
            answers.append(None)
    return answers


def _difference(view: ExpectedView, answer: str | None) -> str:
    if answer is None:
        return f"{view.name} reverts, events make it {list(view.words)}"
    words = [int(answer[place : place + 64], 16) for place in range(2, len(answer), 64)]
    if len(words) != len(view.words):
        return f"{view.name} answers {len(words)} words, not {len(view.words)}"
    places = [place for place, word in enumerate(words) if word != view.words[place]]
    told = [f"word {p}: {words[p]} on chain, {view.words[p]} from events" for p in places]
    return f"{view.name}: " + "; ".join(told)


def compare_slots(chain: ContractEndpoint, at: Header, books: Books, findings: Findings) -> int:
    """Have every slot proven against the header's state root; returns how many."""
    proven = 0
    account = prove_account(chain, at, findings)
    if account is None:
        return 0
    for part in _parts(slots(books), SLOTS_IN_A_PROOF):
        answer = _proof(chain, at, [slot.slot for slot in part])
        try:
            words = proven_words(account.storage_root, [slot.slot for slot in part], answer)
        except ProofError as error:
            findings.add("proof-wrong", f"{part[0].subject} to {part[-1].subject}", str(error))
            continue
        proven += len(part)
        for slot, word in zip(part, words, strict=True):
            if word != slot.word:
                findings.add(slot.finding, slot.subject, _slot_difference(slot, word))
    return proven


def _slot_difference(slot: Slot, word: int) -> str:
    return f"{slot.name}: {word:#x} proven, {slot.word:#x} from events"


def prove_account(chain: ContractEndpoint, at: Header, findings: Findings) -> Account | None:
    """The contract's proven account, or None with a finding."""
    try:
        return proven_account(at.state_root, chain.contract, _proof(chain, at, []))
    except ProofError as error:
        findings.add("proof-wrong", f"contract {chain.contract}", str(error))
        return None


def _proof(chain: ContractEndpoint, at: Header, wanted: list[int]) -> Any:
    keys = [f"0x{slot:064x}" for slot in wanted]
    return chain.endpoint.call("eth_getProof", chain.contract, keys, {"blockHash": at.hash})


def check_proven_code(account: Account | None, code: bytes, findings: Findings) -> None:
    """The code that was checked must be the one that the state holds."""
    if account is not None and account.code_hash != keccak(code):
        findings.add("proof-wrong", "code", "the node gave other code than the state holds")


def check_solvency(
    chain: ContractEndpoint, at: Header, books: Books, findings: Findings, account: Account | None
) -> None:
    """Promise 1: the contract has what it owes, and owes what its parts come to."""
    if not books.from_deployment:
        return
    due = books.owed_in_all()
    if books.held != due:
        findings.add(
            "held-differs", "held", f"flows in and out leave {books.held}, its parts are {due}"
        )
    balance = _balance(chain, at, books.terms, findings, account)
    if balance < max(due, books.held):
        findings.add("insolvent", "contract", f"it has {balance} and owes {due}")


def _balance(
    chain: ContractEndpoint,
    at: Header,
    terms: DeploymentTerms,
    findings: Findings,
    account: Account | None,
) -> int:
    block = {"blockHash": at.hash}
    if terms.asset == ZERO_ADDRESS:
        if account is not None:
            return account.balance
        found = chain.endpoint.call("eth_getBalance", chain.contract, block)
        return quantity(found, "balance")
    if account is not None:
        findings.add("balance-unproven", f"token {terms.asset}", "its storage is not ours to know")
    selector = keccak(b"balanceOf(address)")[:4].hex()
    call = {"to": terms.asset, "data": f"0x{selector}{int(chain.contract, 16):064x}"}
    return int.from_bytes(data(chain.endpoint.call("eth_call", call, block), "balance"), "big")


def chain_terms(chain: ContractEndpoint, at: Header) -> DeploymentTerms | None:
    """The fixed terms as the views tell them; None for a contract without these views."""
    names = ("asset", "grace_period", "evidence_period", "penalty")
    calls = ["0x" + signature_hash(name, "function")[:4].hex() for name in names]
    answers = _answers(chain, at, calls)
    words = [int(answer, 16) for answer in answers if answer is not None and len(answer) == 66]
    if len(words) != len(names):
        return None
    return DeploymentTerms(f"0x{words[0]:040x}", *words[1:])
