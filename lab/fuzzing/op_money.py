"""Operations that move money: deposits, permits, authorisations, withdrawals, the bond."""

from __future__ import annotations

from eth_hash.auto import keccak

from lab.fuzzing import notes
from lab.fuzzing.assets import MoodyToken
from lab.fuzzing.books import WEEK
from lab.fuzzing.moves import Move, hexes
from lab.fuzzing.people import FuzzSigner, address, signers
from lab.fuzzing.words import domain_separator, tail, typed_digest, words
from lab.fuzzing.world import wallet_interface

PERMIT_TYPEHASH = keccak(
    b"Permit(address owner,address spender,uint256 value,uint256 nonce,uint256 deadline)"
)
RECEIVE_TYPEHASH = keccak(
    b"ReceiveWithAuthorization(address from,address to,uint256 value,uint256 validAfter,"
    b"uint256 validBefore,bytes32 nonce)"
)


def deposit(move: Move) -> None:
    """Into one's own account, mostly."""
    payer = move.somebody() if move.dice.chance(30) else move.customer()
    amount = move.amount(move.site.model.accounts[payer])
    account = move.dice.pick((*move.game.world.people, 0)) if move.dice.chance(40) else payer
    move.approve(payer, amount)
    value = move.value(payer, amount)
    verdict = move.site.model.deposit(payer, account, amount, value)
    data = move.words("deposit", account, amount)
    about = hexes((payer, account, amount))
    move.game.call(move.site, "deposit", payer, data, verdict, value, about)


def _token_domain(move: Move) -> bytes:
    return domain_separator(move.site.node.chain_id, move.site.token, b"Moody")


def _where_tokens_are(move: Move) -> Move:
    """At the deployment for a token, mostly."""
    elsewhere = move.dice.chance(40)
    return move if elsewhere else Move(move.game, move.game.world.sites[1], move.dice)


def deposit_with_permit(move: Move) -> None:
    """With a good permit, one that was used in front of it, or a bad one."""
    move = _where_tokens_are(move)
    site, dice, model = move.site, move.dice, move.site.model
    sender = dice.pick([address(n) for n in ("alice", "bob", "thief")])
    amount = move.amount(model.accounts[sender])
    account = dice.pick((*move.game.world.people, 0)) if dice.chance(30) else sender
    now = model.now
    deadline = now + dice.pick((60, 1, 0)) if not dice.chance(30) else now - 1
    nonce = model.asset.nonces[sender] if isinstance(model.asset, MoodyToken) else 0
    struct = PERMIT_TYPEHASH + words(sender, site.contract, amount, nonce, deadline)
    v, r, s = signers()[sender].sign_vrs(typed_digest(_token_domain(move), struct))
    lie = dice.chance(30)
    if lie:
        r ^= 1
    permitted = not lie and deadline >= now
    in_front = False
    if permitted and isinstance(model.asset, MoodyToken) and dice.chance(40):
        stranger = address("stranger")
        values = (sender, site.contract, amount, deadline, v, r, s)
        move.token_call(stranger, "permit", *values, about="permit used in front")
        model.asset.allowances[sender] = amount
        model.asset.nonces[sender] += 1
        permitted, in_front = False, True
    data = move.words("deposit_with_permit", account, amount, deadline, v, r, s)
    about = hexes((sender, account, amount, deadline))
    went = move.plain(
        "deposit_with_permit",
        sender,
        data,
        lambda: model.deposit_with_permit(sender, account, amount, permitted),
        about,
    )
    model.noted[notes.FRONT_RUN] += went and in_front


def deposit_with_authorization(move: Move) -> None:
    """Anybody sends it; what was sent before may be sent again."""
    move = _where_tokens_are(move)
    site, dice, model = move.site, move.dice, move.site.model
    customer: FuzzSigner = signers()[dice.pick([address(n) for n in ("alice", "bob", "thief")])]
    amount = move.amount(model.accounts[customer.address])
    now = model.now
    after, before = now - dice.pick((60, 1)), now + dice.pick((60, 1))
    if dice.chance(30):
        after, before = dice.pick(((now, now + 9), (now - 9, now), (now + 1, now + 9)))
    nonce = dice.below(48)
    to = site.contract
    if dice.chance(12):
        to = move.game.world.sites[0].contract
    struct = RECEIVE_TYPEHASH + words(customer.address, to, amount, after, before, nonce)
    v, r, s = customer.sign_vrs(typed_digest(_token_domain(move), struct))
    tampered = dice.chance(12)
    named = customer.address if not tampered else dice.pick(move.game.world.people)
    signed = named == customer.address and to == site.contract
    data = move.words("deposit_with_authorization", named, amount, after, before, nonce, v, r, s)
    move.plain(
        "deposit_with_authorization",
        move.somebody(),
        data,
        lambda: model.deposit_with_authorization(named, amount, (after, before), nonce, signed),
        hexes((named, amount, after, before, nonce)),
    )


def withdraw(move: Move) -> None:
    """To oneself, mostly."""
    model = move.site.model
    sender = move.somebody() if move.dice.chance(30) else move.customer()
    amount = move.amount(model.accounts[sender])
    to = move.payee(sender)
    data = move.words("withdraw", amount, to)
    about = hexes((sender, amount, to))
    move.plain("withdraw", sender, data, lambda: model.withdraw(sender, amount, to), about)


def ambush(move: Move) -> None:
    """A contract wallet takes its money out and calls back while it is being paid."""
    site, dice, model = move.site, move.dice, move.site.model
    wallets = move.game.world.wallets
    if site is move.game.world.sites[2] or model.accounts[wallets.reentrant] == 0:
        deposit(move)
        return
    calls = (
        site.calldata("withdraw", model.accounts[wallets.reentrant], wallets.reentrant),
        site.calldata("settle", 64, 96, 0, 0),
        site.calldata("end_rental", len(model.rentals)),
        site.calldata("close_rental", len(model.rentals)),
        site.calldata("held"),
        site.calldata("account", wallets.reentrant),
        site.calldata("deposit", wallets.reentrant, 0),
        site.calldata("owner"),
    )
    choice = dice.below(len(calls))
    quiet = not dice.chance(100)
    arm(move, calls[choice], quiet=quiet, unlocked=choice == len(calls) - 1)
    amount = move.amount(model.accounts[wallets.reentrant])
    before = wallets.attempts
    verdict = model.withdraw(wallets.reentrant, amount, wallets.reentrant)
    data = move.words("withdraw", amount, wallets.reentrant)
    move.game.call(
        site, "withdraw (calling back)", wallets.reentrant, data, verdict, 0, f"{choice} {quiet}"
    )
    look = site.node.look
    attempts = look(wallets.reentrant, keccak(b"attempts()")[:4])
    assert attempts == (wallets.attempts,), f"{attempts} attempts, not {wallets.attempts}"
    if wallets.attempts > before:
        succeeded = look(wallets.reentrant, keccak(b"succeeded()")[:4])
        assert succeeded == (int(wallets.unlocked),), f"{choice} went through under the lock"
        move.game.tally.checks["a call back under the lock fails"] += not wallets.unlocked
    if wallets.armed:
        arm(move, site.calldata("settle", 64, 96, 0, 0), quiet=True, unlocked=False)


def arm(move: Move, data: bytes, *, quiet: bool, unlocked: bool) -> None:
    """Have the re-entrant wallet make a call the next time that it is called or paid."""
    wallets = move.game.world.wallets
    head = words(move.site.contract, 128, 0, int(quiet))
    call = wallet_interface().selectors["arm"] + head + tail(data)
    move.arrange(address("stranger"), wallets.reentrant, call, "arm a wallet")
    wallets.arm(move.site.contract, quiet=quiet, unlocked=unlocked)


def post_bond(move: Move) -> None:
    """More bond."""
    model = move.site.model
    sender = move.provider()
    amount = move.amount(model.bond)
    move.approve(sender, amount)
    value = move.value(sender, amount)
    verdict = model.post_bond(sender, amount, value)
    data = move.words("post_bond", amount)
    move.game.call(move.site, "post_bond", sender, data, verdict, value, hexes((sender, amount)))


def announce_bond_release(move: Move) -> None:
    """Notice."""
    model = move.site.model
    sender, amount = move.provider(), model.bond
    if move.dice.chance(100):
        amount = move.amount(model.bond)
    data = move.words("announce_bond_release", amount)
    about = hexes((sender, amount))
    move.plain(
        "announce_bond_release",
        sender,
        data,
        lambda: model.announce_bond_release(sender, amount),
        about,
    )


def release_bond(move: Move) -> None:
    """Take the bond out, when the notice has just passed if there is one."""
    model, dice = move.site.model, move.dice
    sender = move.provider()
    if model.releasing and not dice.chance(128):
        edge = dice.pick((model.releasable_at, model.releasable_at + WEEK))
        move.game.world.set_time(max(model.now, edge + dice.below(3) - 1))
    to = move.payee(sender)
    data = move.words("release_bond", to)
    about = hexes((sender, to))
    move.plain("release_bond", sender, data, lambda: model.release_bond(sender, to), about)
