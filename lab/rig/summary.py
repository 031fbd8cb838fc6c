"""What came of the story: every bill made anew, compared, and told to people and programs."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Any

from lab.rig import bill, plan
from lab.rig.audit import Audited
from lab.rig.ledger import ContractLedger
from lab.rig.listener import TopicListener
from lab.rig.story import StoryProgress, coins
from lab.rig.world import World

FIRST_DRILL = 1
"""The one whose credit runs out."""


@dataclass(frozen=True, slots=True)
class RentalSummary:
    """One rental's account: what the chain says, what the samples say, and what differs."""

    drill: int
    funded: int
    charge: int
    owed: int
    refund: int
    registers: dict[str, int]
    recomputed: bill.SampleBill
    exhausted_at_ms: int | None
    overrun: int
    differences: list[str]


@dataclass(frozen=True, slots=True)
class Summary:
    """Everything that the demo reports."""

    accounts: list[RentalSummary]
    progress: list[StoryProgress]
    settlements: int
    samples: int
    rejected: int
    solvent: bool
    complaints: list[str]
    audited: Audited | None = None
    """None where the story broke off before."""

    @property
    def overrun(self) -> int:
        """The most by which any rental's use went beyond what was funded, in wei."""
        return max((account.overrun for account in self.accounts), default=0)

    @property
    def first(self) -> StoryProgress:
        """The story of the first drill."""
        return self.progress[0]

    def fact(self, name: str) -> bool:
        """Whether it came true at the first drill."""
        return self.first.facts.get(name, False)

    @property
    def seconds_deposit_to_unlock(self) -> float | None:
        """From the mined deposit to a drill that can start."""
        if not self.first.unlocked_at:
            return None
        return round(self.first.unlocked_at - self.first.deposited_at, 3)

    @property
    def seconds_exhausted_to_locked(self) -> float | None:
        """From the sample that used up the funds to the controller's lock at standstill."""
        used_up = [a.exhausted_at_ms for a in self.accounts if a.drill == FIRST_DRILL]
        if not used_up or used_up[0] is None or not self.first.locked_at_ms:
            return None
        return (self.first.locked_at_ms - used_up[0]) / 1000

    @property
    def ok(self) -> bool:
        """Whether all of it happened, and every figure agrees."""
        return not self.complaints

    def as_json(self) -> dict[str, Any]:
        """The summary for programs; amounts in wei."""
        return {
            "rentals": [
                {
                    "drill": account.drill,
                    "funded": account.funded,
                    "charge": account.charge,
                    "recomputed": account.recomputed.charge,
                    "owed": account.owed,
                    "refund": account.refund,
                    "registers": account.registers,
                }
                for account in self.accounts
            ],
            "seconds_deposit_to_unlock": self.seconds_deposit_to_unlock,
            "seconds_exhausted_to_locked": self.seconds_exhausted_to_locked,
            "overrun": self.overrun,
            "samples": self.samples,
            "settlements": self.settlements,
            "locked_at_zero": self.fact("locked at balance 0"),
            "unlocked_after_top_up": self.fact("unlocked after the top-up"),
            "solvent": self.solvent,
            "audit": None if self.audited is None else asdict(self.audited),
            "ok": self.ok,
        }

    def as_text(self) -> str:
        """The summary for people."""
        lines = []
        for a in self.accounts:
            r = a.registers
            seconds = " + ".join(f"{r[f'active_ms_{n}'] / 1000:.1f}" for n in (1, 2, 3))
            turns = " + ".join(str(r[f"revolutions_{n}"]) for n in (1, 2, 3))
            lines += [
                f"drill {a.drill}: {seconds} s at levels 1, 2, 3; {turns} revolutions",
                f"  funded     {coins(a.funded)}",
                f"  charge     {coins(a.charge)}   by the contract, in wei {a.charge}",
                f"  recomputed {coins(a.recomputed.charge)}   from {a.recomputed.log_size} samples,"
                f" in wei {a.recomputed.charge}",
                f"  owed       {coins(a.owed)}   within funds and caps",
                f"  refund     {coins(a.refund)}",
            ]
        if self.seconds_deposit_to_unlock is not None:
            lines.append(f"deposit mined to unlocked: {self.seconds_deposit_to_unlock:.1f} s")
        if self.seconds_exhausted_to_locked is not None:
            lines.append(f"credit used up to locked: {self.seconds_exhausted_to_locked:.1f} s")
        lines += [
            f"use beyond the funds at its worst: {coins(self.overrun)}, covered by the top-up",
            f"{self.samples} samples, {self.settlements} settlements, {self.rejected} rejected",
            f"the contract holds what it owes: {'yes' if self.solvent else 'NO'}",
        ]
        lines += self.audited.lines() if self.audited else ["the audit: not made"]
        lines += [f"NOT AS TOLD: {complaint}" for complaint in self.complaints]
        lines.append(
            "All of it happened, and every bill agrees." if self.ok else "The demo failed."
        )
        return "\n".join(lines)


def account_for(
    ledger: ContractLedger, listener: TopicListener, progress: StoryProgress
) -> RentalSummary:
    """Make a closed rental's bill anew and compare it with the chain in every figure."""
    rental, drill = progress.rental, progress.drill
    opened = ledger.events("RentalOpened", rental=rental)[0]
    ended = ledger.events("RentalEnded", rental=rental)[0]
    closed = ledger.events("RentalClosed", rental=rental)[0]["args"]
    published = ledger.events("TariffPublished", tariff=opened["args"]["tariff"])[0]
    settled = ledger.events("UsageSettled", rental=rental)[-1]["args"]
    top_ups = ledger.events("ToppedUp", rental=rental)
    capped = ledger.events("RentalCapped", rental=rental)
    opened_at = ledger.block_time(opened["blockNumber"])
    terms = bill.terms_of(opened_at, ended, published, capped)
    whole = bill.rental_log(listener.samples(drill), rental)
    log = whole[: settled["log_size"]]
    own = bill.recompute(log, terms)
    left_out = [s for s in whole[len(log) :] if s.motor_on and s.time_ms <= terms.ended_at * 1000]
    funding = [(opened_at, opened["args"]["funded"])]
    funding += [(ledger.block_time(t["blockNumber"]), t["args"]["funded"]) for t in top_ups]
    overrun, exhausted_at_ms = bill.worst_overrun(log, terms, funding)
    registers = dict(zip(bill.NAMES, ledger.call("registers", rental), strict=True))
    funded = funding[-1][1]
    owed = bill.owed(own.charge, funded, terms)
    pairs = {
        "charge at closing": (closed["charge"], own.charge),
        "charge of the last settlement": (settled["charge"], own.charge),
        "registers": (registers, own.registers),
        "samples in the log": (settled["log_size"], own.log_size),
        "samples of drilling before the end that are not in it": (0, len(left_out)),
        "root of the log": (settled["log_root"].hex(), own.log_root.hex()),
        "refund": (closed["refund"], funded - owed),
    }
    return RentalSummary(
        drill=drill,
        funded=funded,
        charge=closed["charge"],
        owed=owed,
        refund=closed["refund"],
        registers=registers,
        recomputed=own,
        exhausted_at_ms=exhausted_at_ms,
        overrun=overrun,
        differences=[
            f"drill {drill}: {name} on the chain {chain}, recomputed {ours}"
            for name, (chain, ours) in pairs.items()
            if chain != ours
        ],
    )


def summarise(world: World, progress: Sequence[StoryProgress], audited: Audited | None) -> Summary:
    """Look back on the story; what is missing or differs becomes a complaint."""
    ledger, listener = world.ledger(), world.listener
    done = [p for p in progress if p.done]
    accounts = [account_for(ledger, listener, p) for p in done]
    # One that was on its way when its rental ended is not a fault; the final reading replaces it.
    rejected = [
        event
        for event in ledger.events("ReadingRejected")
        if event["args"]["reason"] != "after the end"
    ]
    has = ledger.web3.eth.get_balance(ledger.contract.address)
    owes = ledger.owes([p.customer for p in progress], [p.rental for p in progress if p.rental])
    summary = Summary(
        accounts=accounts,
        progress=list(progress),
        settlements=len(ledger.events("UsageSettled")),
        samples=sum(len(listener.samples(p.drill)) for p in progress),
        rejected=len(rejected),
        solvent=ledger.solvent() and has >= owes,
        complaints=[],
        audited=audited,
    )
    limit = plan.amounts(world.tariff).reserve
    complaints = [d for account in accounts for d in account.differences]
    complaints += [f"drill {p.drill}: its story did not end" for p in progress if not p.done]
    complaints += listener.malformed + listener.conflicts
    complaints += [f"a reading was rejected: {r['args']['reason']}" for r in rejected]
    if audited is not None and not audited.clean:
        complaints += [f"the audit: {one}" for one in audited.findings or (audited.verdict,)]
    if not summary.solvent:
        complaints.append(f"the contract has {has} and owes {owes}")
    if summary.overrun > limit:
        complaints.append(f"use went {summary.overrun} beyond the funds, over the reserve {limit}")
    if summary.seconds_exhausted_to_locked is None:
        complaints.append("the samples do not say that the credit was used up")
    if not world.recorded:
        complaints += [
            f"drill {account.drill}: {name} is 0"
            for account in accounts
            for name, value in account.registers.items()
            if value == 0
        ]
    summary.complaints.extend(complaints)
    return summary
