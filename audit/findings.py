"""What an audit can find: stable names, what each means, and how bad it is.

`wrong`      money, state or a signature is not what the rules make it, or the node has lied.
`suspicious` allowed by the contract, but somebody should be asked about it.
`unchecked`  could not be looked at; nothing is said about it.
`note`       nobody is wronged; worth knowing.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from enum import StrEnum

from host.foreign_text import harmless


class Grade(StrEnum):
    """How bad a finding is."""

    WRONG = "wrong"
    SUSPICIOUS = "suspicious"
    UNCHECKED = "unchecked"
    NOTE = "note"


W, S, U, N = Grade.WRONG, Grade.SUSPICIOUS, Grade.UNCHECKED, Grade.NOTE

CATALOGUE: dict[str, tuple[Grade, str]] = {
    # What the node says
    "log-hidden": (W, "the block's receipts hold an event that the node left out of the logs"),
    "log-invented": (W, "the node gave an event that the block's receipts do not hold"),
    "log-altered": (W, "the node gave an event with other content than the block's receipts"),
    "log-unknown": (W, "the contract's address logged something that no DrillMeter logs"),
    "block-hash-differs": (W, "a block's header does not hash to the hash that the node claims"),
    "block-number-differs": (W, "the node answers with another block than the one asked for"),
    "block-unlinked": (W, "a block does not name the block before it as its parent"),
    "receipts-root-differs": (W, "a block's receipts are not those that its header commits to"),
    "transaction-missing": (W, "the node does not have a transaction that its logs name"),
    "proof-wrong": (W, "a storage proof does not lead to the trusted block's state root"),
    "code-differs": (W, "the code at the address is not the published DrillMeter"),
    "terms-differ": (W, "a fixed term in the code is not what the contract's view says"),
    # Events that do not follow from one another
    "event-missing": (
        W,
        "the contract always logs another event right after this one, and it is missing",
    ),
    "event-impossible": (
        W,
        "the contract cannot do this in the state that follows from the events",
    ),
    "number-skipped": (W, "numbers run without gaps, so an earlier event is missing"),
    "epoch-skipped": (W, "an oracle's keys are counted, and a rotation is missing"),
    "account-overdrawn": (W, "an account paid more than the events ever put into it"),
    "tariff-unknown": (W, "no event published this tariff, so nothing under it can be recomputed"),
    "rental-unknown": (W, "no event opened this rental"),
    # Usage
    "charge-differs": (W, "the charge does not follow from registers and tariff"),
    "until-differs": (W, "the event's time is not the one in its meter word"),
    "reading-not-later": (W, "a settled reading is not later than the one before"),
    "reading-in-the-future": (W, "a settled reading is dated after its block"),
    "reading-after-end": (W, "a settled reading is dated after the end of its rental"),
    "reading-after-grace": (W, "a reading settled when the grace period was over"),
    "reading-after-close": (W, "a reading settled on a closed rental"),
    "register-fell": (W, "a settled register is lower than before"),
    "active-time-beyond-wall-clock": (W, "active time grew by more than the clock did"),
    "revolutions-beyond-rpm": (W, "revolutions exceed the tariff's highest rpm"),
    "settlement-log-missing": (W, "a reading was sent to `settle` and left no event"),
    "settlement-not-in-calldata": (W, "an event differs from the reading that was sent"),
    "rejection-unfounded": (W, "a reading was rejected for another reason than the rules give"),
    "log-size-fell": (S, "a later reading anchors a shorter sample log"),
    # Published samples
    "samples-differ": (W, "the published samples are not those whose root was signed"),
    "log-forked": (W, "the published samples are those of a later reading, not of an earlier one"),
    "registers-not-from-samples": (W, "the signed registers do not follow from the samples"),
    "bundle-truncated": (W, "a sealed bundle is not full, or a file ends within a sample"),
    "sample-undecodable": (W, "a sample has an impossible field"),
    "sample-of-another-drill": (W, "a rental's log holds a sample of another drill"),
    "sample-of-another-rental": (
        W,
        "a rental's log holds a sample that does not name it",
    ),
    "sample-out-of-sequence": (W, "a sample does not come after the one before it in the log"),
    "samples-missing": (S, "samples that a reading signs for are not published"),
    "samples-unsigned": (S, "samples are published that no reading signs for, after the last one"),
    "billed-beyond-odometer": (S, "more active time was billed than the drill's odometer counted"),
    "gap-in-samples": (N, "samples are missing or late: the provider could not bill the time"),
    # The newest published reading
    "published-reading-malformed": (W, "reading.json is not a reading"),
    "published-reading-of-another": (W, "reading.json is of another rental, chain or contract"),
    "published-reading-signed-by-another-key": (
        W,
        "reading.json is not signed with a key that its oracle had at that time",
    ),
    "published-reading-contradicts": (
        W,
        "reading.json and the settled reading cannot both be true",
    ),
    # Signatures
    "reading-signed-by-another-key": (W, "a settled reading is not signed by its oracle's key"),
    "reading-signed-before-registration": (
        W,
        "a settled reading is signed with a key that was registered only later",
    ),
    "reading-signed-after-retirement": (
        W,
        "a settled reading is signed with a key that had been rotated away or revoked",
    ),
    "receipt-signed-by-another-key": (W, "a disputed receipt is not signed by the key it names"),
    "key-address-differs": (W, "an enrolled P-256 key is not called by its own address"),
    # Money
    "funds-differ": (W, "the funds of a rental are not the sum of what was put in"),
    "credit-differs": (W, "what may still be spent is not what funds, caps and charge leave"),
    "refund-differs": (W, "what a rental gave back is not what funds, caps and charge leave"),
    "closed-too-early": (W, "a rental closed without its final reading before the grace period"),
    "collected-beyond-earned": (W, "the provider took more than was earned"),
    "collected-differs": (W, "the provider took a different amount than was earned"),
    "dispute-out-of-rules": (W, "a dispute was won that the rules do not allow"),
    "dispute-refund-differs": (W, "a dispute's refund is not the difference at the tariff"),
    "penalty-differs": (W, "a dispute's penalty is not what the rules give"),
    "bond-differs": (W, "the bond is not the sum of what was posted, drawn and released"),
    "bond-notice-differs": (W, "a bond release was announced with a notice other than the rules'"),
    "bond-released-out-of-rules": (W, "a bond was released outside its week or amount"),
    "held-differs": (W, "what the contract says it owes is not the sum of what it owes"),
    "insolvent": (W, "the contract has less than it owes"),
    # Events against the chain's state at the final block
    "account-state-differs": (W, "an account holds a different amount than the events say"),
    "rental-state-differs": (W, "a rental is not as the events say"),
    "tariff-state-differs": (W, "a tariff is not the one that was published"),
    "drill-state-differs": (W, "a drill is not as the events say"),
    "oracle-state-differs": (W, "an oracle is not as the events say"),
    "key-state-differs": (W, "a signing key's record is not as the events say"),
    "count-differs": (W, "the contract counts a different number of these than the events show"),
    "contract-state-differs": (
        W,
        "owner, operator, pause, revenue, bond or held are not as the events say",
    ),
    # Not looked at
    "reorganisation": (U, "the chain changed under the audit: run it again"),
    "history-before-range": (U, "the range begins after the deployment"),
    "blocks-not-scanned": (
        U,
        "only blocks with known events were fetched, not linked up to the last",
    ),
    "block-hash-unchecked": (
        U,
        "the chain's headers have fields of their own and do not hash to their hash here",
    ),
    "receipts-unchecked": (
        U,
        "a block's receipts do not hash to the root here, perhaps by rules of the chain's own",
    ),
    "receipts-not-checked": (
        U,
        "the node gives no receipts, so events that it leaves out may go unseen",
    ),
    "signature-unchecked": (U, "the signed batch is not in the transaction's own calldata"),
    "samples-unreachable": (U, "published samples could not be fetched"),
    "samples-not-yet-published": (U, "samples under a reading of the last hour are not there yet"),
    "samples-unchecked": (U, "a reading's samples could not be held against it"),
    "published-reading-missing": (U, "no reading.json is published for a rental that has settled"),
    "published-reading-unchecked": (
        U,
        "reading.json, or its key, is of a time outside the audited blocks",
    ),
    "balance-unproven": (U, "the token's balance was taken from the node, not proven"),
}
"""Name -> grade and meaning. Names never change their meaning."""

KEPT_OF_A_NAME = 100
"""Findings of one name that are kept in full; the rest is counted. Bounds memory."""


LONGEST_TEXT = 2_000
"""Characters of a finding's text: nodes and providers wrote parts of it."""


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing found. `subject`: what it is about, such as "rental 7"; `place`: where it shows."""

    name: str
    subject: str
    text: str
    place: str = ""

    @property
    def grade(self) -> Grade:
        """How bad it is."""
        return CATALOGUE[self.name][0]

    @property
    def meaning(self) -> str:
        """What a finding of this name means."""
        return CATALOGUE[self.name][1]


@dataclass(slots=True)
class Findings:
    """All that was found: the first of each name, and how many there were."""

    kept: list[Finding] = field(default_factory=list)
    counts: dict[str, int] = field(default_factory=dict)

    def add(self, name: str, subject: str, text: str, place: str = "") -> None:
        """Take note; raises KeyError for a name that is not in the catalogue."""
        CATALOGUE[name]
        shown = (harmless(part, LONGEST_TEXT) for part in (subject, text, place))
        finding = Finding(name, *shown)
        self.counts[name] = self.counts.get(name, 0) + 1
        if self.counts[name] <= KEPT_OF_A_NAME:
            self.kept.append(finding)

    def __iter__(self) -> Iterator[Finding]:
        order = list(Grade)
        return iter(sorted(self.kept, key=lambda finding: order.index(finding.grade)))

    def by_grade(self) -> dict[Grade, int]:
        """How many of each grade."""
        found: Counter[Grade] = Counter()
        for name, count in self.counts.items():
            found[CATALOGUE[name][0]] += count
        return {grade: found[grade] for grade in Grade}

    def exit_status(self) -> int:
        """0 clean, 1 something is wrong or suspicious, 2 something could not be checked.

        Notes change nothing. After a reorganisation nothing else counts: what was found may be of
        neither chain.
        """
        if "reorganisation" in self.counts:
            return 2
        grades = self.by_grade()
        if grades[Grade.WRONG] or grades[Grade.SUSPICIOUS]:
            return 1
        return 2 if grades[Grade.UNCHECKED] else 0
