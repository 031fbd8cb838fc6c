# pragma version 0.4.3
# pragma nonreentrancy on
#pragma optimize codesize
# SPDX-License-Identifier: AGPL-3.0-only
"""
@title DrillMeter: prepaid drilling, metered and settled
@custom:contract-name DrillMeter
@license GNU Affero General Public License v3.0 only
@notice A customer sets an amount aside for one drill under one published tariff. The oracle on the
        drill's edge box signs cumulative registers; whoever brings them here debits the rental:

            charge  = floor((sum over levels (active_ms * price_per_second
                                              + revolutions * price_per_1000_revolutions)
                             + elapsed_ms * standing_price_per_second) / 1000)
            balance = funded - min(charge, funded, what the customer's caps allow)

        Trust: the oracle's key is believed about usage, within the wall clock, the tariff's highest
        rpm and the customer's caps. What it has signed elsewhere can be held against it: a receipt
        with lower registers than those settled ends the rental and is refunded from what the
        provider has not collected and from the bond. The provider
        appoints the oracles and may rotate their keys at any time, so is believed about as much,
        and about nothing else: terms are fixed when a rental opens, there is no upgrade, and
        ending, closing and withdrawing cannot be stopped. A reading
        names its rental by number, so an oracle should sign only for rentals that are opened
        deep enough in the chain not to be reorganised away.
        Units: amounts in the asset's smallest unit, `until` in Unix ms, block times in Unix s.
        Who may not send transactions signs orders for the DrillForwarder, which this contract
        creates and believes about who has called, where that is a customer's business and nowhere
        else (ERC-2771).
        Stopping: `pause` stops opening and topping up, and nothing else.
"""

# ---------------------------------------------------------------------------------------------
# Interfaces and modules
# ---------------------------------------------------------------------------------------------

from snekmate.auth import ownable
from snekmate.auth import ownable_2step
from snekmate.utils import eip712_domain_separator
from snekmate.utils import pausable

from .interfaces import IDrillMeter
from .modules import bonds
from .modules import checks
from .modules import disputes
from .modules import drills
from .modules import forwarder
from .modules import keys
from .modules import lens
from .modules import meter
from .modules import oracles
from .modules import packing
from .modules import rentals
from .modules import settlement
from .modules import tariffs
from .modules import vault

initializes: ownable
initializes: ownable_2step[ownable := ownable]
initializes: pausable
initializes: eip712_domain_separator
initializes: lens
initializes: forwarder
initializes: vault[forwarder := forwarder]
initializes: tariffs
initializes: keys
initializes: oracles[keys := keys]
initializes: bonds[vault := vault]
initializes: drills[oracles := oracles, tariffs := tariffs]
initializes: rentals[drills := drills, oracles := oracles, tariffs := tariffs, vault := vault]
initializes: settlement[rentals := rentals]
initializes: disputes[
    bonds := bonds, keys := keys, oracles := oracles, rentals := rentals, tariffs := tariffs
]

# ---------------------------------------------------------------------------------------------
# Exports
# ---------------------------------------------------------------------------------------------

# `renounce_ownership` is left out on purpose: revenue without an owner could never be collected.
exports: (
    ownable_2step.owner,
    ownable_2step.pending_owner,
    ownable_2step.transfer_ownership,
    ownable_2step.accept_ownership,
    pausable.paused,
    eip712_domain_separator.eip712Domain,
)

# ---------------------------------------------------------------------------------------------
# Constants
# ---------------------------------------------------------------------------------------------

# @dev No view of the lens answers with more bytes.
MAX_ANSWER: constant(uint256) = 512

# @dev The most readings in one settlement. Their memory is what one reading alone has to pay for.
MAX_READINGS: constant(uint256) = 64

# ---------------------------------------------------------------------------------------------
# Constructor
# ---------------------------------------------------------------------------------------------

@deploy
def __init__(asset: address, grace_period: uint256, evidence_period: uint256, penalty: uint256):
    """
    @notice The deployer becomes the provider.
    @param asset The ERC-20 token to be paid in, or the zero address for the native coin.
    @param grace_period Seconds after the end of a rental for which its final reading is awaited,
           3600 (an hour) to 2592000 (30 days).
    @param evidence_period Seconds after the grace period in which a rental's usage can still be
           disputed, 86400 (a day) to 7776000 (90 days). The bond's notice is the grace period and
           twice this.
    @param penalty What a proven lie costs over the refund, once for each key, below 2**96.
    @dev Reverts when `asset` is neither zero nor a contract, or another value is out of range.
    """
    ownable.__init__()
    ownable_2step.__init__()
    pausable.__init__()
    eip712_domain_separator.__init__("DrillMeter", "1")
    lens.__init__()
    forwarder.__init__()
    vault.__init__(asset)
    rentals.__init__(grace_period)
    disputes.__init__(evidence_period, penalty)

# ---------------------------------------------------------------------------------------------
# Customer
# ---------------------------------------------------------------------------------------------

@external
@payable
def deposit(account: address, amount: uint256):
    """
    @notice Put money into an account, your own or another's.
    @param account Whose account is credited.
    @param amount In the asset's smallest unit. Native coin: must equal the value sent. Token: is
           taken from the sender, who has approved it.
    @dev Reverts when the account is zero, the amount is zero or not the value sent, or the token
         refuses or delivers another amount.
    """
    vault._deposit(account, amount)


@external
def deposit_with_permit(
    account: address, amount: uint256, deadline: uint256, v: uint8, r: bytes32, s: bytes32
):
    """
    @notice Put tokens into an account under your own signed allowance (EIP-2612), with no approval
            before. A permit that somebody else has used already does no harm.
    @param account Whose account is credited.
    @param amount In the asset's smallest unit; the allowance signed is for exactly this.
    @param deadline Until when the permit holds, Unix s.
    @param v Recovery number of the sender's signature of the token's Permit, 27 or 28.
    @param r The r of that signature.
    @param s The s of that signature.
    @dev Reverts as `deposit` does, so also when the permit is bad and there is no allowance.
    """
    vault._permit(amount, deadline, v, r, s)
    vault._deposit(account, amount)


@external
def deposit_with_authorization(
    customer: address,
    amount: uint256,
    valid_after: uint256,
    valid_before: uint256,
    nonce: bytes32,
    v: uint8,
    r: bytes32,
    s: bytes32,
):
    """
    @notice Put a customer's tokens into the customer's own account, as authorised by signature
            (EIP-3009). Anybody may send this, so the customer needs no coins for gas.
    @param customer Who has signed and whose account is credited.
    @param amount In the asset's smallest unit.
    @param valid_after The authorisation holds only after this time, Unix s.
    @param valid_before The authorisation holds only before this time, Unix s.
    @param nonce Chosen by the customer; the token takes each of a customer's once.
    @param v Recovery number of the customer's signature of the token's ReceiveWithAuthorization to
           this contract, 27 or 28.
    @param r The r of that signature.
    @param s The s of that signature.
    @dev Reverts when the token refuses it or delivers another amount, and with the native coin.
    """
    vault._deposit_with_authorization(
        customer, amount, valid_after, valid_before, nonce, v, r, s
    )


@external
def withdraw(amount: uint256, to: address):
    """
    @notice Take money that is not reserved for a rental out of your account. Never paused.
    @param amount In the asset's smallest unit.
    @param to Who receives it.
    @dev Reverts when the amount is zero or more than the account holds, or the transfer fails.
    """
    vault._withdraw(amount, to)


@external
@payable
def open_rental(
    drill: uint256, tariff: uint256, reserve: uint256, caps: IDrillMeter.Caps, deadline: uint256
) -> uint256:
    """
    @notice Rent a free drill and set `reserve` of your account aside for it. Value sent along is
            deposited first, so that one transaction deposits and opens. You owe no more than your
            caps allow: whatever is settled, at most `per_rental`, and t hours after the opening at
            most (t + 1) times `per_hour`. Caps never change; what they keep back is refunded at
            closing.
    @param drill The drill's number.
    @param tariff The tariff you agree to; it must be the one the drill is on offer at.
    @param reserve In the asset's smallest unit, at least the tariff's least reserve, below 2**96.
    @param caps In the asset's smallest unit, 2**96 - 1 for none.
    @param deadline The last second in which this opens, Unix s: what waits longer, say for gas to
           get cheap, must not unlock a drill when you no longer stand before it.
    @return The number of the rental.
    @dev Reverts when paused, the deadline has passed, value comes with a token deployment, the
         tariff does not exist or is retired, the reserve is zero, too small or too large, the drill
         does not exist, is retired, rented or on offer at another tariff, its oracle is revoked or
         suspended, the account holds less, or a cap is zero, under the least reserve or, by the
         hour, under the standing price, or exceeds 2**96 - 1.
    """
    pausable._require_not_paused()
    checks._require(block.timestamp <= deadline, "rentals: too late to open")
    vault._credit_value()
    return rentals._open(drill, tariff, reserve, caps)


@external
@payable
def top_up(rental: uint256, amount: uint256):
    """
    @notice Add `amount` of your account to an open rental, your own or another's. Value sent along
            is deposited first. Usage beyond the funds so far is covered before anything is left.
    @param rental The rental's number.
    @param amount In the asset's smallest unit.
    @dev Reverts when paused, value comes with a token deployment, the rental does not exist or is
         ended or closed, the amount is zero or more than the account holds, or the funds would
         reach 2**96.
    """
    pausable._require_not_paused()
    vault._credit_value()
    rentals._top_up(rental, amount)


@external
def end_rental(rental: uint256):
    """
    @notice End a rental now, as its customer, the provider or the operator; as anybody, when by the
            settled registers and the standing price it had nothing left for the whole grace period.
            Usage up to this second may still settle; with the reading of this second, or after the
            grace period, the rental closes. It closes at once when that reading has settled already.
    @param rental The rental's number.
    @dev Reverts when the rental does not exist or is ended or closed, or for anybody else.
    """
    rentals._end(forwarder._sender(), msg.sender == ownable.owner, rental)

# ---------------------------------------------------------------------------------------------
# Anyone
# ---------------------------------------------------------------------------------------------

@external
def settle(
    signatures: DynArray[IDrillMeter.BatchSignature, MAX_READINGS],
    readings: DynArray[IDrillMeter.PackedReading, MAX_READINGS],
):
    """
    @notice Settle signed readings, of many drills and several boxes. Authority is the signature,
            not the sender. What fails a check is skipped with `ReadingRejected`. An ended rental
            takes readings until its grace period is over, closed or not.
    @param signatures Each covers the next `count` readings, as a UsageBatch (EIP-712).
    @param readings At most 64, in the order of their signatures.
    @dev Reverts only when the counts do not add up to the number of readings, or for more than 64
         readings or signatures.
    """
    domain: bytes32 = eip712_domain_separator._domain_separator_v4()
    first: uint256 = 0
    tariff: uint256 = 0
    rates: packing.Rates = empty(packing.Rates)
    for signature: IDrillMeter.BatchSignature in signatures:
        checks._require(signature.count <= len(readings) - first, "settle: more signed than given")
        hashes_hash: bytes32 = empty(bytes32)
        if signature.count == 1:
            # The usual case, one drill to a box, is spared the array.
            hashes_hash = keccak256(meter._hash_reading(readings[first]))
        else:
            hashes: DynArray[bytes32, MAX_READINGS] = []
            for i: uint256 in range(signature.count, bound=MAX_READINGS):
                hashes.append(meter._hash_reading(readings[first + i]))
            # An ABI-encoded array is an offset, a length and the elements; EIP-712 hashes these.
            hashes_hash = keccak256(slice(abi_encode(hashes), 64, 32 * len(hashes)))
        signed: bool = oracles._signed(meter._digest(domain, hashes_hash), signature)
        for i: uint256 in range(signature.count, bound=MAX_READINGS):
            reading: IDrillMeter.PackedReading = readings[first + i]
            terms: packing.Terms = packing._unpack_terms(rentals.terms[reading.rental])
            if not signed:
                settlement._reject(reading, "not signed by its oracle")
                continue
            if terms.tariff != tariff:
                tariff = terms.tariff
                rates = tariffs._rates(tariff)
            settlement._settle(reading, signature.oracle, terms, rates)
        first += signature.count
    checks._require(first == len(readings), "settle: unsigned readings")


@external
def close_rental(rental: uint256):
    """
    @notice Close a rental whose final reading has not come: the balance goes back to the customer's
            account and the drill is free. Settling the final reading does this by itself.
    @param rental The rental's number.
    @dev Reverts when the rental does not exist, is not ended or is closed, or when the grace period
         has not passed.
    """
    rentals._close(rental)


@external
def dispute(receipt: IDrillMeter.PackedReading, key: address, r: bytes32, vs: bytes32):
    """
    @notice Hold an oracle's own receipt against what it has settled. A receipt dated at or after
            the last settled reading with a register below the settled one, or an older one from
            which the settled ones cannot have grown by wall clock and highest rpm, ends and closes
            the rental, brings the difference at the tariff from the revenue and what is missing of
            it from the bond to the customer's account, and once for each key the penalty from the
            bond, and suspends the oracle while it still signs with that key.
    @param receipt A reading that was signed alone.
    @param key The key that signed it, now or formerly one of the rental's oracle.
    @param r The r of its signature.
    @param vs The s of its signature with the parity of v in the highest bit (EIP-2098); of a P-256
           key, just s.
    @dev Reverts when the key has not signed it, the rental does not exist or has ended longer ago
         than the grace and evidence periods, the key is not the rental's oracle's or was not in
         force at the receipt's `until`, that lies in the future, the key is a former one and a
         reading from after its time has settled, or nothing was overcharged that has not been
         refunded.
    """
    digest: bytes32 = self._batch_digest(keccak256(meter._hash_reading(receipt)))
    checks._require(
        keys._verifies(key, keys._record(key).is_p256, digest, r, vs),
        "disputes: not signed by the key",
    )
    disputes._dispute(receipt, key)

# ---------------------------------------------------------------------------------------------
# Provider
# ---------------------------------------------------------------------------------------------

@external
def set_operator(operator: address):
    """
    @notice Name who may end rentals besides you, and may do nothing else; so that the owner's key
            stays in its safe. Takes the place of whoever was named before.
    @param operator The operator's address, or zero for nobody.
    @dev Reverts for anyone but the owner.
    """
    ownable._check_owner()
    rentals.operator = operator
    log IDrillMeter.OperatorSet(operator=operator)


@external
def publish_tariff(tariff: IDrillMeter.Tariff) -> uint256:
    """
    @notice Publish a rate table. It can be retired and never changed.
    @param tariff Prices in the asset's smallest unit, below 2**64; least_reserve below 2**96;
           max_rpm 1 to 2**20 - 1.
    @return The number of the tariff.
    @dev Reverts for anyone but the owner, when a field is out of range, or `retired` is set.
    """
    ownable._check_owner()
    return tariffs._publish(tariff)


@external
def retire_tariff(tariff: uint256):
    """
    @notice Offer a tariff no longer. Rentals under it go on.
    @param tariff The tariff's number.
    @dev Reverts for anyone but the owner, or when the tariff does not exist or is retired.
    """
    ownable._check_owner()
    tariffs._retire(tariff)


@external
def enrol_p256_key(x: uint256, y: uint256, r: bytes32, s: bytes32) -> address:
    """
    @notice Make the P-256 key of a secure element known, to register an oracle with or rotate to;
            for an oracle that has it already, so that what it signs counts from now on.
    @param x The x coordinate of its public key.
    @param y The y coordinate of its public key.
    @param r The r of the key's own signature of a UsageBatch without readings.
    @param s The s of that signature.
    @return The address that the key is called by: the last 20 bytes of keccak256(x || y).
    @dev Reverts for anyone but the owner, when the key was enrolled before, when the signature is
         not the key's, and on chains that cannot check it (EIP-7951).
    """
    ownable._check_owner()
    key: address = keys._enrol(x, y, self._batch_digest(keccak256(b"")), r, s)
    oracles._note_p256(key)
    return key


@external
def register_oracle(key: address) -> uint256:
    """
    @notice Register an edge box by the address of its signing key.
    @param key Never used before in this contract.
    @return The number of the oracle.
    @dev Reverts for anyone but the owner, or when the key is zero or was used before.
    """
    ownable._check_owner()
    return oracles._register(key)


@external
def rotate_oracle(oracle: uint256, key: address):
    """
    @notice Replace an oracle's key, from this transaction on: the old one settles nothing more.
    @param oracle The oracle's number.
    @param key Never used before in this contract.
    @dev Lifts a suspension. What the old key signed up to now can still be disputed with. Reverts
         for anyone but the owner, when the oracle does not exist or is revoked, or when the key is
         zero or was used before.
    """
    ownable._check_owner()
    oracles._rotate(oracle, key)


@external
def revoke_oracle(oracle: uint256):
    """
    @notice Believe an oracle no longer; its drills can be reassigned when they are free. Final.
    @param oracle The oracle's number.
    @dev Reverts for anyone but the owner, or when the oracle does not exist or is revoked.
    """
    ownable._check_owner()
    oracles._revoke(oracle)


@external
def list_drill(oracle: uint256, tariff: uint256, label: String[64]) -> uint256:
    """
    @notice Put a drill on offer.
    @param oracle The box that meters it.
    @param tariff The tariff that it is on offer at.
    @param label What is written on the machine, 1 to 64 bytes. It is public for ever.
    @return The number of the drill.
    @dev Reverts for anyone but the owner, when the oracle does not exist, is revoked or suspended,
         the tariff does not exist or is retired, or the label is empty.
    """
    ownable._check_owner()
    return drills._list(oracle, tariff, label)


@external
def reassign_drill(drill: uint256, oracle: uint256, tariff: uint256):
    """
    @notice Give a free drill another box or offer it at another tariff.
    @param drill The drill's number.
    @param oracle The box that meters it from now on.
    @param tariff The tariff that it is on offer at from now on.
    @dev Reverts for anyone but the owner, when the drill does not exist, is retired or in a rental,
         or for an oracle or tariff that `list_drill` would refuse.
    """
    ownable._check_owner()
    drills._reassign(drill, oracle, tariff)


@external
def retire_drill(drill: uint256):
    """
    @notice Offer a free drill no longer. Final.
    @param drill The drill's number.
    @dev Reverts for anyone but the owner, or when the drill does not exist, is retired or rented.
    """
    ownable._check_owner()
    drills._retire(drill)


@external
def collect(running: DynArray[uint256, MAX_READINGS], to: address) -> uint256:
    """
    @notice Take the revenue of closed rentals, and what the running ones named have earned so far.
    @param running Rentals that are not closed; naming a closed one adds nothing.
    @param to Who receives it.
    @return The amount, in the asset's smallest unit.
    @dev Reverts for anyone but the owner, when a rental does not exist, there is nothing to
         collect, or the transfer fails.
    """
    ownable._check_owner()
    amount: uint256 = rentals._collect_closed(to)
    for rental: uint256 in running:
        amount += rentals._collect(rental, to)
    checks._require(amount > 0, "collect: nothing to collect")
    vault._pay(to, amount)
    return amount


@external
@payable
def post_bond(amount: uint256):
    """
    @notice Put money down for disputes to be paid from.
    @param amount In the asset's smallest unit. Native coin: must equal the value sent. Token: is
           taken from the owner, who has approved it.
    @dev Reverts for anyone but the owner, and as `deposit` does.
    """
    ownable._check_owner()
    bonds._post(amount)


@external
def announce_bond_release(amount: uint256):
    """
    @notice Give notice that `amount` of the bond will be taken out, after the grace period and
            twice the evidence period. Replaces an earlier notice; 0 withdraws it.
    @param amount In the asset's smallest unit.
    @dev Reverts for anyone but the owner, or when less is posted.
    """
    ownable._check_owner()
    bonds._announce_release(amount, rentals.GRACE_PERIOD + 2 * disputes.EVIDENCE_PERIOD)


@external
def release_bond(to: address):
    """
    @notice Take out what was announced, as far as disputes have left it, in the week after the
            notice has passed.
    @param to Who receives it.
    @dev Reverts for anyone but the owner, when nothing is left of it, before and after that week,
         or when the transfer fails.
    """
    ownable._check_owner()
    bonds._release(to)


@external
def pause():
    """
    @notice Stop opening and topping up. Settling, ending, closing and withdrawing go on.
    @dev Reverts for anyone but the owner, or when paused.
    """
    ownable._check_owner()
    pausable._pause()


@external
def unpause():
    """
    @notice Allow opening and topping up again.
    @dev Reverts for anyone but the owner, or when not paused.
    """
    ownable._check_owner()
    pausable._unpause()

# ---------------------------------------------------------------------------------------------
# Views
# ---------------------------------------------------------------------------------------------

@external
@view
@reentrant
def asset() -> address:
    """
    @notice The ERC-20 token that everything is paid in, or the zero address for the native coin.
    @return The token's address, or zero.
    """
    return vault.ASSET.address


@external
@view
@reentrant
def grace_period() -> uint256:
    """
    @notice Seconds after the end of a rental for which its final reading is awaited.
    @return Seconds.
    """
    return rentals.GRACE_PERIOD


@external
@view
@reentrant
def evidence_period() -> uint256:
    """
    @notice Seconds after the grace period in which a rental's usage can still be disputed.
    @return Seconds.
    """
    return disputes.EVIDENCE_PERIOD


@external
@view
@reentrant
def penalty() -> uint256:
    """
    @notice What a proven lie costs over the refund, once for each key.
    @return In the asset's smallest unit.
    """
    return disputes.PENALTY


@external
@view
def bond() -> IDrillMeter.Bond:
    """
    @notice What disputes are paid from, and what of it is announced to be released.
    @return Amounts in the asset's smallest unit, and a block time in Unix s.
    """
    return IDrillMeter.Bond(
        posted=bonds.posted, releasing=bonds.releasing, releasable_at=bonds.releasable_at
    )


@external
@view
def operator() -> address:
    """
    @notice Who may end rentals besides their customers and the owner.
    @return The operator's address, or zero for nobody.
    """
    return rentals.operator


@external
@view
def held() -> uint256:
    """
    @notice All that the contract owes: accounts, open balances, uncollected revenue and the bond.
    @return In the asset's smallest unit.
    """
    return vault.held


@external
@view
def revenue() -> uint256:
    """
    @notice What closed rentals have earned and the provider has not collected.
    @return In the asset's smallest unit.
    """
    return rentals.revenue


@external
@view
def account(customer: address) -> uint256:
    """
    @notice What `customer` has deposited and not reserved.
    @param customer Whose account.
    @return In the asset's smallest unit.
    """
    return vault.accounts[customer]


@external
@view
def rental_count() -> uint256:
    """
    @notice How many rentals were opened; the newest has this number.
    @return The number of the newest rental, 0 before the first.
    """
    return rentals.rental_count


@external
@view
def drill_count() -> uint256:
    """
    @notice How many drills were listed.
    @return The number of the newest drill, 0 before the first.
    """
    return drills.drill_count


@external
@view
def tariff_count() -> uint256:
    """
    @notice How many tariffs were published.
    @return The number of the newest tariff, 0 before the first.
    """
    return tariffs.tariff_count


@external
@view
def oracle_count() -> uint256:
    """
    @notice How many oracles were registered.
    @return The number of the newest oracle, 0 before the first.
    """
    return oracles.oracle_count


@external
@view
def words(number: uint256) -> IDrillMeter.Words:
    """
    @notice All that is stored under a number, packed as docs/contract.md says: for the lens, and
            for who wants to read storage without slots.
    @param number The number of a rental, tariff, drill or oracle, or a signing key's address (its
           low 160 bits).
    @return The words of each kind; zero where nothing is stored.
    """
    return IDrillMeter.Words(
        terms=rentals.terms[number],
        party=rentals.parties[number],
        meter=rentals.meters[number],
        caps=rentals.caps[number],
        refunded=disputes.refunded[number],
        tariff=tariffs.tariffs[number],
        drill=drills.drills[number],
        oracle=oracles.oracles[number],
        key=keys.records[convert(number & packing.ADDRESS_MASK, address)],
    )


@external
@view
@reentrant
@raw_return
def __default__() -> Bytes[MAX_ANSWER]:
    """
    @notice Describing views (`rental`, `tariff`, `drill` and others) are DrillLens's. Whatever this
            contract has not is asked of the lens, which can change nothing.
    @return The lens's answer.
    @dev Reverts as the lens does, so also when it has no such function, and when value comes along.
    """
    return raw_call(lens.LENS, msg.data, max_outsize=MAX_ANSWER, is_static_call=True)

# ---------------------------------------------------------------------------------------------
# Internals
# ---------------------------------------------------------------------------------------------

@internal
@view
def _batch_digest(hashes_hash: bytes32) -> bytes32:
    """
    @dev The EIP-712 digest of a UsageBatch in this contract's domain.
    @param hashes_hash The hash of the readings' struct hashes, one after the other.
    @return The digest that an oracle's key signs.
    """
    return meter._digest(eip712_domain_separator._domain_separator_v4(), hashes_hash)
