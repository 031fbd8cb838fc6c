"""Promise 6: what leases rest on, and what strokes under them have come to."""

from __future__ import annotations

from chain.finality import parse_policy
from lab.simulation.bills import Bills
from lab.simulation.chain import Block
from lab.simulation.chance import PromiseBroken
from lab.simulation.meter import cost
from lab.simulation.truth import Issued, TrueStroke
from lab.simulation.world import SimWorld
from protocol.leases import CLOCK_SKEW_MS, LONGEST_LEASE_MS, NONCE_MS
from protocol.records import RentalState
from protocol.tariff import highest_charge, limit
from protocol.typed_data import lease_digest, recover_signer

SIGNATURES_CHECKED = 3
"""Of each drill's leases: the controllers have checked them already."""

LONGEST_USE_MS = 2 * NONCE_MS + LONGEST_LEASE_MS + CLOCK_SKEW_MS + 1_000
"""From a lease's signature to the last start that it can permit, whatever is said of the time; a
second of it for crystals and ticks."""

GRACE_MS = 1_000
"""A lease may be under way as silence begins to count."""


def check_leases(world: SimWorld, bills: Bills) -> None:
    """Raise PromiseBroken for the first lease or stroke that should not have been."""
    for count, issued in enumerate(world.truth.issued.values()):
        _lease(world, issued, signature=count < SIGNATURES_CHECKED)
        _nobody_agrees(world, issued)
    for stroke in world.truth.strokes:
        _stroke(world, bills, stroke)


def _nobody_agrees(world: SimWorld, issued: Issued) -> None:
    """While no two endpoints say the same, leases end when what was agreed before has aged."""
    silence_ms = world.limits.chain_silence_ms + GRACE_MS
    for since, to in world.truth.splits:
        over_ms = to if to >= 0 else issued.true_ms + 1
        if since + silence_ms < issued.true_ms < over_ms and not any(
            since <= set_ms <= over_ms for set_ms, _ in world.truth.set_clocks
        ):
            raise PromiseBroken(
                f"6: lease of drill {issued.message.drill} {issued.true_ms - since} ms after the "
                "endpoints began to disagree"
            )


def _lease(world: SimWorld, issued: Issued, *, signature: bool) -> None:
    message, chain = issued.message, world.chain
    lease, name = message.lease(), f"6: lease of drill {message.drill} at {message.issued_at}"
    block = chain.known.get(bytes.fromhex(message.block_hash[2:]))
    if block is None or block.header.number != lease.block_number:
        raise PromiseBroken(f"{name} rests on a block that never was")
    rental = block.rentals.get(lease.rental)
    if rental is None or rental.drill != lease.drill or rental.state is not RentalState.OPEN:
        raise PromiseBroken(f"{name}: rental {lease.rental} is not open on it in its block")
    if block.balances[lease.rental] <= 0:
        raise PromiseBroken(f"{name}: rental {lease.rental} has no balance in its block")
    slack_ms = world.limits.chain_silence_ms + world.limits.clock_skew_ms
    spans = chain.canonical[block.header.hash]
    if not any(
        since <= issued.true_ms and (to == -1 or to >= issued.true_ms - slack_ms)
        for since, to in spans
    ):
        raise PromiseBroken(
            f"{name} rests on block {lease.block_number}, which had vanished: {spans}"
        )
    (tier,) = world.terms.settings["chain"]["finality"]
    depth = parse_policy(tier["policy"]).depth
    if not _was_deep(world, block, depth, issued.true_ms):
        raise PromiseBroken(f"{name}: block {lease.block_number} never lay {depth} deep until then")
    if not _has_event(world, issued, block):
        raise PromiseBroken(f"{name}: no BalancePositive where it says")
    if signature:
        digest = lease_digest(chain.domain, lease)
        signer = recover_signer(digest, bytes.fromhex(message.signature[2:]))
        if signer != world.drills[0].provisioning.oracle_key:
            raise PromiseBroken(f"{name} is signed by {signer}")
    world.tally.seen["leases"] += 1


def _was_deep(world: SimWorld, block: Block, depth: int, by_ms: int) -> bool:
    """Whether so many blocks had come after this one by then."""
    known = world.chain.known
    for header_hash, spans in world.chain.canonical.items():
        top = known[header_hash]
        if top.header.number != block.header.number + depth or spans[0][0] > by_ms:
            continue
        while top.header.number > block.header.number:
            top = known[top.header.parent_hash]
        if top is block:
            return True
    return False


def _has_event(world: SimWorld, issued: Issued, block: Block) -> bool:
    """Whether its transaction and log index are those of the event, at or before its block."""
    message = issued.message
    wanted = bytes.fromhex(message.transaction_hash[2:])
    while True:
        for event in block.events:
            if (
                event.name == "BalancePositive"
                and event.transaction_hash == wanted
                and event.log_index == message.log_index
            ):
                return event.number("rental") == message.rental
        if block.header.number == 0:
            return False
        block = world.chain.known[block.header.parent_hash]


def _stroke(world: SimWorld, bills: Bills, stroke: TrueStroke) -> None:
    issued = world.truth.issued.get(stroke.lease)
    if issued is None:
        raise PromiseBroken(f"6: drill {stroke.drill} started on a lease that nobody issued")
    if issued.true_ms < stroke.powered_ms:
        raise PromiseBroken(f"6: drill {stroke.drill} started on a lease of before a power-up")
    age_ms = stroke.began_ms - issued.true_ms
    if age_ms > LONGEST_USE_MS:
        raise PromiseBroken(f"6: drill {stroke.drill} started on a lease signed {age_ms} ms before")
    block = world.chain.known[bytes.fromhex(issued.message.block_hash[2:])]
    rental = block.rentals[stroke.lease.rental]
    if stroke.from_time_ms >= stroke.lease.expires_at:
        raise PromiseBroken(f"6: drill {stroke.drill} started on an expired lease")
    bill = bills.of(rental)
    used = bill.until(stroke.to_time_ms)
    elapsed_ms = max(stroke.to_time_ms - rental.opened_ms, 0)
    delivered = cost(bill.tariff, used, elapsed_ms)
    funds = limit(rental.funded, rental.caps, elapsed_ms)
    if delivered > funds:
        reserve = highest_charge(bill.tariff, world.limits.reserve_ms)
        raise PromiseBroken(
            f"6: drill {stroke.drill} delivered {delivered} under rental {rental.rental}, funded "
            f"with {funds}; the reserve of {reserve} was to pay for it"
        )
    world.tally.seen["strokes paid for"] += 1
