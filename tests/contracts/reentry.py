"""Somebody who is customer and provider at once and calls back whenever he is called or paid."""

from __future__ import annotations

from typing import Any

from contracts.builders import RESERVE, TARIFF, Yard, new_key, tariff_words
from contracts.evidence import announce_release, lower, packed, post_bond, words
from contracts.evm import NOBODY, Deployed
from contracts.p256 import KEY, teach_p256
from contracts.wallet_signatures import message_of, sign
from eth_account.signers.local import LocalAccount

from lab.rig.plan import NO_DEADLINE, UNBOUND
from protocol.meter_word import settle_arguments
from protocol.records import NO_CAP

TOKENS_ONLY = ("deposit_with_permit", "deposit_with_authorization")
PAYABLE = ("deposit", "post_bond")
"""What needs its amount sent along with the native coin."""

SIGNATURE = (27, bytes(32), bytes(32))


class Attack:
    """A wallet with an account, an open and an ended rental, and all of the provider's powers."""

    def __init__(self, yard: Yard, wallet: Deployed, person: LocalAccount) -> None:
        self.yard = yard
        self.wallet = wallet
        self.person = person
        self._fund()
        self.free_drill = yard.list_drill()
        self.spare_tariff = yard.publish(TARIFF)
        teach_p256(yard.chain)
        self.do("open_rental", yard.drill, yard.tariff, RESERVE, *UNBOUND)
        self.do("open_rental", yard.list_drill(), yard.tariff, RESERVE, *UNBOUND)
        yard.chain.advance(10)
        self.told = yard.reading(1, active_ms_1=5_000)
        yard.settle(yard.signed(self.told))
        yard.use(2, active_ms_1=5_000)
        yard.chain.advance(10)
        self.do("end_rental", 2)
        post_bond(yard, 1_000)
        yard.chain.set_time(announce_release(yard, 40))
        yard.provide("transfer_ownership", wallet.address)
        self.do("accept_ownership")

    def _fund(self) -> None:
        yard, me = self.yard, self.wallet.address
        deposit = (me, 4 * RESERVE)
        if yard.token is None:
            yard.meter.transact(self.person, "deposit", *deposit, value=4 * RESERVE)
            yard.chain.give(self.wallet, RESERVE)
            return
        yard.token.transact(self.person, "approve", yard.meter.address, 4 * RESERVE)
        yard.meter.transact(self.person, "deposit", *deposit)
        yard.token.transact(self.person, "mint", me, RESERVE)
        approve = yard.token.encode("approve", yard.meter.address, RESERVE)
        self.wallet.transact(self.person, "execute", yard.token.address, approve)

    def do(self, function: str, *args: object, value: int = 0) -> None:
        """Have the wallet call the meter."""
        data = self.yard.meter.encode(function, *args)
        address = self.yard.meter.address
        self.wallet.transact(self.person, "execute", address, data, value=value)

    def coins_of(self, function: str) -> int:
        """What has to be sent along with one of the calls."""
        return 1 if function in PAYABLE and self.yard.token is None else 0

    def arm(self, function: str, *, quiet: bool) -> None:
        """Prepare the call that the wallet makes as soon as it is called or paid."""
        address, data = self.yard.meter.address, self.call(function)
        self.wallet.transact(self.person, "arm", address, data, self.coins_of(function), quiet)

    def hook(self, where: str) -> None:
        """Have the token call the wallet before or after it moves, or at a permit."""
        me, token = self.wallet.address, self.yard.token
        token.transact(self.person, "set_hooks", *(me if w == where else NOBODY for w in WHERE))
        token.transact(self.person, "set_permit_hook", me if where == "permit" else NOBODY)

    def call(self, function: str) -> bytes:
        """Calldata that succeeds at any other time."""
        if function == "unpause":
            self.do("pause")
        arguments = self._customers() | self._anyones() | self._providers() | VIEWS
        return self.yard.meter.encode(function, *arguments[function])

    def _customers(self) -> dict[str, tuple[Any, ...]]:
        yard, me = self.yard, self.wallet.address
        rent = (self.free_drill, yard.tariff, TARIFF.least_reserve)
        return {
            "deposit": (me, 1),
            "deposit_with_permit": (me, 1, 0, *SIGNATURE),
            "deposit_with_authorization": (me, 1, 0, 0, bytes(32), *SIGNATURE),
            "withdraw": (1, self.person.address),
            "open_rental": (*rent, (NO_CAP - 1, NO_CAP), NO_DEADLINE),
            "top_up": (1, 1),
            "end_rental": (1,),
        }

    def _anyones(self) -> dict[str, tuple[Any, ...]]:
        yard, receipt = self.yard, lower(self.told, 4_000)
        key = yard.oracle_key
        later = yard.reading(1, active_ms_1=6_000)
        return {
            "settle": settle_arguments([yard.signed(later)]),
            "close_rental": (2,),
            "dispute": (packed(receipt), key.address, *words(*sign(yard, receipt))),
        }

    def _providers(self) -> dict[str, tuple[Any, ...]]:
        yard, me = self.yard, self.person.address
        return {
            "publish_tariff": (tariff_words(TARIFF),),
            "retire_tariff": (self.spare_tariff,),
            "enrol_p256_key": (KEY.x, KEY.y, *words(*KEY.sign(message_of(yard)))),
            "register_oracle": (new_key("another box").address,),
            "rotate_oracle": (yard.oracle, new_key("another key").address),
            "revoke_oracle": (yard.oracle,),
            "list_drill": (yard.oracle, yard.tariff, "again"),
            "reassign_drill": (self.free_drill, yard.oracle, self.spare_tariff),
            "retire_drill": (self.free_drill,),
            "collect": ([1], me),
            "post_bond": (1,),
            "announce_bond_release": (1,),
            "release_bond": (me,),
            "set_operator": (me,),
            "pause": (),
            "unpause": (),
        }


WHERE = ("before", "after")

VIEWS: dict[str, tuple[Any, ...]] = {
    "account": (NOBODY,),
    "balance_of": (1,),
    "bond": (),
    "caps": (1,),
    "charge": (1,),
    "drill": (1,),
    "drill_count": (),
    "earned": (1,),
    "held": (),
    "operator": (),
    "oracle": (1,),
    "oracle_count": (),
    "quote": (1, (0,) * 6, 0),
    "refunded": (1,),
    "registers": (1,),
    "rental": (1,),
    "rental_count": (),
    "revenue": (),
    "signing_key": (NOBODY,),
    "tariff": (1,),
    "tariff_count": (),
    "words": (1,),
}
"""What shows the books, and is locked while they may be half done."""

CHANGES = (
    "deposit",
    "deposit_with_permit",
    "deposit_with_authorization",
    "withdraw",
    "open_rental",
    "top_up",
    "end_rental",
    "settle",
    "close_rental",
    "dispute",
    "publish_tariff",
    "retire_tariff",
    "enrol_p256_key",
    "register_oracle",
    "rotate_oracle",
    "revoke_oracle",
    "list_drill",
    "reassign_drill",
    "retire_drill",
    "collect",
    "post_bond",
    "announce_bond_release",
    "release_bond",
    "set_operator",
    "pause",
    "unpause",
)

FREE = {
    "forwarder",
    "isTrustedForwarder",
    "asset",
    "grace_period",
    "evidence_period",
    "penalty",
    "read_meter",
    "eip712Domain",
    "owner",
    "pending_owner",
    "paused",
    "transfer_ownership",
    "accept_ownership",
}
"""What is not locked: it moves no money and shows nothing that a payment changes."""
