"""Whether the node gives all logs: headers and receipts show it, whatever `eth_getLogs` says.

A header commits to the block's receipts and, by its bloom, says for certain which blocks hold no
log of the contract. So with every header of the range, each linked to the one before up to a block
whose hash is trusted, nothing can be left out, added or changed.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from enum import StrEnum

from audit.errors import NodeRefusedError
from audit.findings import Findings
from audit.node.decode import DecodeError, decode
from audit.node.fetch import ContractEndpoint, Window
from audit.node.logs import Log, log_of
from protocol.answers import data, hexadecimal, listing, record
from protocol.errors import AnswerError, ProofError, StrangeReceiptsError
from protocol.headers import Header, require_parent
from protocol.receipt_trie import require_receipts

HEADERS_AT_ONCE = 200

RECEIPTS_AT_ONCE = 25
"""Blocks; those of a busy chain have half a megabyte of receipts."""

Confirmed = tuple[Header, Sequence[Log]]
"""A block and the contract's logs in it."""


class Depth(StrEnum):
    """Which blocks are looked at: all of the range, or those with events that the node gave."""

    ALL = "all"
    SEEN = "seen"


@dataclass(slots=True)
class CompletenessTally:
    """What was looked at."""

    headers: int = 0
    receipts_blocks: int = 0
    logs: int = 0


class Completeness:
    """Turns windows into blocks with logs that the receipts confirm."""

    def __init__(self, chain: ContractEndpoint, findings: Findings, depth: Depth) -> None:
        self.tally = CompletenessTally()
        self.last_header: Header | None = None
        self.depth = depth
        self._chain, self._findings = chain, findings
        self._no_receipts = False

    def blocks(self, window: Window) -> Iterator[list[Confirmed]]:
        """The blocks that hold logs of the contract, with those: some at a time, in order."""
        logs: dict[int, list[Log]] = {}
        for log in window.logs:
            logs.setdefault(log.block, []).append(log)
        every = range(window.first, window.last + 1)
        numbers = every if self.depth is Depth.ALL else sorted(logs)
        for place in range(0, len(numbers), HEADERS_AT_ONCE):
            part = numbers[place : place + HEADERS_AT_ONCE]
            headers = [
                header
                for number, header in zip(part, self._chain.headers(part), strict=True)
                if self._linked(header, number)
            ]
            wanted = [h for h in headers if h.number in logs or h.may_log(self._chain.contract)]
            for first in range(0, len(wanted), RECEIPTS_AT_ONCE):
                few = wanted[first : first + RECEIPTS_AT_ONCE]
                yield [
                    (header, self._confirmed(header, logs.get(header.number, []), receipts))
                    for header, receipts in zip(few, self._receipts(few), strict=True)
                ]

    def _linked(self, header: Header, number: int) -> bool:
        """Hold a header against its hash and the header before; whether it is the one asked for.

        Every difference is reported.
        """
        self.tally.headers += 1
        subject = f"block {number}"
        if header.number != number:
            text = f"the node gives block {header.number}, {header.hash}"
            self._findings.add("block-number-differs", subject, text)
            return False
        if header.strange:
            text = f"fields that are not Ethereum's: {', '.join(header.strange)}"
            self._findings.add("block-hash-unchecked", subject, text)
        elif not header.proven:
            self._findings.add("block-hash-differs", subject, f"the node claims {header.hash}")
        last, self.last_header = self.last_header, header
        if last is not None and (self.depth is Depth.ALL or last.number + 1 == number):
            try:
                require_parent(header, last)
            except ProofError as error:
                self._findings.add("block-unlinked", subject, str(error))
        return True

    def _confirmed(
        self, header: Header, given: Sequence[Log], receipts: list[object] | None
    ) -> Sequence[Log]:
        """The contract's logs of a block by its receipts, differences reported.

        What the receipts say counts where they hash to the header's root, else what was given.
        """
        for log in given:
            if log.block_hash != header.hash:
                text = f"its logs are of {log.block_hash}, its header is {header.hash}"
                self._findings.add("reorganisation", f"block {header.number}", text)
                break
        self.tally.logs += len(given)
        if receipts is None:
            return given
        self.tally.receipts_blocks += 1
        subject = f"block {header.number}"
        try:
            require_receipts(receipts, header.receipts_root)
            found = self._own_logs(header, receipts)
        except StrangeReceiptsError as error:
            self._findings.add("receipts-unchecked", subject, str(error))
            return given
        except (AnswerError, ProofError) as error:
            self._findings.add("receipts-root-differs", subject, str(error))
            return given
        self._compare(header, given, found)
        return found

    def _receipts(self, headers: Sequence[Header]) -> Sequence[list[object] | None]:
        if not self._no_receipts:
            try:
                return self._chain.block_receipts(headers)
            except NodeRefusedError as error:
                self._no_receipts = True
                subject = f"from block {headers[0].number}"
                self._findings.add("receipts-not-checked", subject, str(error))
        return [None] * len(headers)

    def _own_logs(self, header: Header, receipts: Sequence[object]) -> list[Log]:
        """The contract's logs; the index is counted here, a node's word is not needed for it."""
        found, index = [], 0
        for place, one in enumerate(receipts):
            receipt = record(one, "receipt")
            for entry in listing(receipt.get("logs"), "logs"):
                log = record(entry, "log entry")
                if hexadecimal(data(log.get("address"), "address", 20)) == self._chain.contract:
                    known = {
                        **log,
                        "blockNumber": hex(header.number),
                        "blockHash": header.hash,
                        "transactionIndex": hex(place),
                        "transactionHash": receipt.get("transactionHash"),
                        "logIndex": hex(index),
                    }
                    found.append(log_of(known))
                index += 1
        return found

    def _compare(self, header: Header, given: Sequence[Log], found: Sequence[Log]) -> None:
        """Name what the node has left out, made up or changed."""
        told = {log.index: log for log in given}
        for log in found:
            place = f"block {header.number}, log {log.index}"
            other = told.pop(log.index, None)
            if other is None:
                self._findings.add("log-hidden", place, _brief(log), place)
            elif other.content != log.content:
                self._findings.add(
                    "log-altered", place, f"given {_brief(other)}, is {_brief(log)}", place
                )
        for log in told.values():
            place = f"block {header.number}, log {log.index}"
            self._findings.add("log-invented", place, _brief(log), place)


def _brief(log: Log) -> str:
    """A log entry for people: its event where known."""
    try:
        event = decode(log, 0)
    except DecodeError:
        return f"topics {log.topics}, data {log.data[:200]}"
    return f"{event.name} {event.args}"
