# pragma version 0.4.3
# pragma nonreentrancy on
#pragma optimize codesize
# SPDX-License-Identifier: AGPL-3.0-only
"""
@title DrillForwarder: what a customer has signed, done by whoever sends it
@custom:contract-name DrillForwarder
@license GNU Affero General Public License v3.0 only
@notice A customer without coins for gas signs an order (EIP-712), anybody sends it here, and the
        meter does it as if the customer had called (ERC-2771). A meter creates its own forwarder
        when it is deployed and believes no other. The forwarder holds no money and has no owner. It
        calls nothing but its meter's functions for customers, and those only under the signature
        of the customer whom it names; each order says what is done in fields that a wallet shows.
        Signatures: a key's own, or of a wallet that is a contract (EIP-1271).
        Nonces: chosen by the customer, each good once, in any order. An order is withdrawn by
        having another one of the same nonce carried out, or by letting its deadline pass.
"""

# ---------------------------------------------------------------------------------------------
# Interfaces and modules
# ---------------------------------------------------------------------------------------------

from snekmate.utils import eip712_domain_separator

from .interfaces import IDrillMeter
from .modules import checks

initializes: eip712_domain_separator

# ---------------------------------------------------------------------------------------------
# Exports
# ---------------------------------------------------------------------------------------------

exports: eip712_domain_separator.eip712Domain

# ---------------------------------------------------------------------------------------------
# Constants and immutables
# ---------------------------------------------------------------------------------------------

# @dev EIP-712 type of an order to deposit into one's own account.
DEPOSIT_TYPE: constant(bytes32) = keccak256(
    "Deposit(address customer,uint256 amount,uint256 nonce,uint256 deadline)"
)

# @dev EIP-712 type of an order to open a rental.
OPEN_TYPE: constant(bytes32) = keccak256(
    "OpenRental(address customer,uint256 drill,uint256 tariff,uint256 reserve,uint256 cap_per_rental,uint256 cap_per_hour,uint256 nonce,uint256 deadline)"
)

# @dev EIP-712 type of an order to top a rental up.
TOP_UP_TYPE: constant(bytes32) = keccak256(
    "TopUp(address customer,uint256 rental,uint256 amount,uint256 nonce,uint256 deadline)"
)

# @dev EIP-712 type of an order to end a rental.
END_TYPE: constant(bytes32) = keccak256(
    "EndRental(address customer,uint256 rental,uint256 nonce,uint256 deadline)"
)

# @dev EIP-712 type of an order to withdraw.
WITHDRAW_TYPE: constant(bytes32) = keccak256(
    "Withdraw(address customer,uint256 amount,address to,uint256 nonce,uint256 deadline)"
)

# @dev The longest signature, in bytes. Wallets that are contracts sign with several keys' or with
# what a passkey made.
MAX_SIGNATURE: constant(uint256) = 2048

# @dev Half the order of secp256k1: of the two signatures that a key can make, the one with the
# lower s counts.
HALF_ORDER: constant(uint256) = (
    57_896_044_618_658_097_711_785_492_504_343_953_926_418_782_139_537_452_191_302_581_570_759_080_747_168
)

# @dev What a wallet that is a contract answers for its signature (EIP-1271), and the function that
# is asked.
VALID: constant(bytes4) = 0x1626BA7E

# @dev The DrillMeter that has created this contract and believes it.
METER: immutable(address)

# ---------------------------------------------------------------------------------------------
# Storage
# ---------------------------------------------------------------------------------------------

# @dev Which nonces of each customer have been used: bit `nonce % 256` of word `nonce // 256`.
used: HashMap[address, HashMap[uint256, uint256]]

# ---------------------------------------------------------------------------------------------
# Constructor
# ---------------------------------------------------------------------------------------------

@deploy
def __init__():
    """
    @notice Whoever deploys it is the meter; DrillMeter does in its own constructor.
    """
    eip712_domain_separator.__init__("DrillForwarder", "1")
    METER = msg.sender

# ---------------------------------------------------------------------------------------------
# Anyone, with a customer's signature
# ---------------------------------------------------------------------------------------------

@external
def deposit(
    customer: address,
    amount: uint256,
    nonce: uint256,
    deadline: uint256,
    signature: Bytes[MAX_SIGNATURE],
):
    """
    @notice Put a customer's tokens into the customer's account, by the customer's own approval of
            the meter.
    @param customer Who has signed the Deposit.
    @param amount In the asset's smallest unit.
    @param nonce Chosen by the customer, not used before.
    @param deadline The last block time that it may be done at, Unix s.
    @param signature The customer's.
    @dev Reverts when the deadline has passed, the nonce is used, the signature is not the
         customer's, and as the meter's `deposit` does.
    """
    self._accept(
        customer,
        keccak256(abi_encode(DEPOSIT_TYPE, customer, amount, nonce, deadline)),
        nonce,
        deadline,
        signature,
    )
    self._pass_on(
        abi_encode(customer, amount, method_id=method_id("deposit(address,uint256)")), customer
    )


@external
def deposit_with_permit(
    customer: address,
    amount: uint256,
    nonce: uint256,
    deadline: uint256,
    signature: Bytes[MAX_SIGNATURE],
    v: uint8,
    r: bytes32,
    s: bytes32,
):
    """
    @notice The same by the customer's signed allowance (EIP-2612) of the meter for exactly this
            amount, good until the same deadline.
    @param customer Who has signed the Deposit and the token's Permit.
    @param amount In the asset's smallest unit.
    @param nonce The Deposit's, chosen by the customer, not used before.
    @param deadline The last block time that it may be done at, Unix s; the Permit's too.
    @param signature The customer's, of the Deposit.
    @param v Recovery number of the customer's signature of the Permit, 27 or 28.
    @param r The r of that signature.
    @param s The s of that signature.
    @dev Reverts as `deposit` does, so also when the permit is bad and there is no allowance.
    """
    self._accept(
        customer,
        keccak256(abi_encode(DEPOSIT_TYPE, customer, amount, nonce, deadline)),
        nonce,
        deadline,
        signature,
    )
    self._pass_on(
        abi_encode(
            customer,
            amount,
            deadline,
            v,
            r,
            s,
            method_id=method_id(
                "deposit_with_permit(address,uint256,uint256,uint8,bytes32,bytes32)"
            ),
        ),
        customer,
    )


@external
def open_rental(
    customer: address,
    drill: uint256,
    tariff: uint256,
    reserve: uint256,
    caps: IDrillMeter.Caps,
    nonce: uint256,
    deadline: uint256,
    signature: Bytes[MAX_SIGNATURE],
) -> uint256:
    """
    @notice Rent a drill for a customer, who pays from the account and owes no more than the caps
            allow.
    @param customer Who has signed the OpenRental.
    @param drill The drill's number.
    @param tariff The tariff that the customer agrees to.
    @param reserve In the asset's smallest unit.
    @param caps In the asset's smallest unit, 2**96 - 1 for none.
    @param nonce Chosen by the customer, not used before.
    @param deadline The last block time that it may be done at, Unix s.
    @param signature The customer's.
    @return The number of the rental.
    @dev Reverts when the deadline has passed, the nonce is used, the signature is not the
         customer's, and as the meter's `open_rental` does.
    """
    self._accept(
        customer,
        keccak256(
            abi_encode(
                OPEN_TYPE,
                customer,
                drill,
                tariff,
                reserve,
                caps.per_rental,
                caps.per_hour,
                nonce,
                deadline,
            )
        ),
        nonce,
        deadline,
        signature,
    )
    answer: Bytes[32] = self._pass_on(
        abi_encode(
            drill,
            tariff,
            reserve,
            caps,
            deadline,
            method_id=method_id(
                "open_rental(uint256,uint256,uint256,(uint256,uint256),uint256)"
            ),
        ),
        customer,
    )
    return convert(answer, uint256)


@external
def top_up(
    customer: address,
    rental: uint256,
    amount: uint256,
    nonce: uint256,
    deadline: uint256,
    signature: Bytes[MAX_SIGNATURE],
):
    """
    @notice Add `amount` of a customer's account to an open rental, the customer's or another's.
    @param customer Who has signed the TopUp.
    @param rental The rental's number.
    @param amount In the asset's smallest unit.
    @param nonce Chosen by the customer, not used before.
    @param deadline The last block time that it may be done at, Unix s.
    @param signature The customer's.
    @dev Reverts when the deadline has passed, the nonce is used, the signature is not the
         customer's, and as the meter's `top_up` does.
    """
    self._accept(
        customer,
        keccak256(abi_encode(TOP_UP_TYPE, customer, rental, amount, nonce, deadline)),
        nonce,
        deadline,
        signature,
    )
    self._pass_on(
        abi_encode(rental, amount, method_id=method_id("top_up(uint256,uint256)")), customer
    )


@external
def end_rental(
    customer: address,
    rental: uint256,
    nonce: uint256,
    deadline: uint256,
    signature: Bytes[MAX_SIGNATURE],
):
    """
    @notice End a rental now, as its customer.
    @param customer Who has signed the EndRental.
    @param rental The rental's number.
    @param nonce Chosen by the customer, not used before.
    @param deadline The last block time that it may be done at, Unix s.
    @param signature The customer's.
    @dev Reverts when the deadline has passed, the nonce is used, the signature is not the
         customer's, and as the meter's `end_rental` does for a customer.
    """
    self._accept(
        customer,
        keccak256(abi_encode(END_TYPE, customer, rental, nonce, deadline)),
        nonce,
        deadline,
        signature,
    )
    self._pass_on(
        abi_encode(rental, method_id=method_id("end_rental(uint256)")), customer
    )


@external
def withdraw(
    customer: address,
    amount: uint256,
    to: address,
    nonce: uint256,
    deadline: uint256,
    signature: Bytes[MAX_SIGNATURE],
):
    """
    @notice Take money that is not reserved for a rental out of a customer's account.
    @param customer Who has signed the Withdraw.
    @param amount In the asset's smallest unit.
    @param to Who receives it.
    @param nonce Chosen by the customer, not used before.
    @param deadline The last block time that it may be done at, Unix s.
    @param signature The customer's.
    @dev Reverts when the deadline has passed, the nonce is used, the signature is not the
         customer's, and as the meter's `withdraw` does.
    """
    self._accept(
        customer,
        keccak256(abi_encode(WITHDRAW_TYPE, customer, amount, to, nonce, deadline)),
        nonce,
        deadline,
        signature,
    )
    self._pass_on(
        abi_encode(amount, to, method_id=method_id("withdraw(uint256,address)")), customer
    )

# ---------------------------------------------------------------------------------------------
# Views
# ---------------------------------------------------------------------------------------------

@external
@view
@reentrant
def meter() -> address:
    """
    @notice The DrillMeter that this contract passes orders on to.
    @return Its address.
    """
    return METER


@external
@view
def nonce_used(customer: address, nonce: uint256) -> bool:
    """
    @notice Whether an order of this nonce has been carried out.
    @param customer Whose order.
    @param nonce The order's nonce.
    @return True when none of that nonce can be any more.
    """
    return (self.used[customer][nonce >> 8] >> (nonce & 255)) & 1 == 1

# ---------------------------------------------------------------------------------------------
# Internals
# ---------------------------------------------------------------------------------------------

@internal
def _accept(
    customer: address,
    struct_hash: bytes32,
    nonce: uint256,
    deadline: uint256,
    signature: Bytes[MAX_SIGNATURE],
):
    """
    @dev Marks an order's nonce as used. Reverts when the deadline has passed, the nonce is used, or
         the signature is not the customer's.
    @param customer Whose order it is.
    @param struct_hash The EIP-712 hash of the order.
    @param nonce The order's nonce.
    @param deadline The last block time that it may be done at, Unix s.
    @param signature The customer's, of the order.
    """
    checks._require(block.timestamp <= deadline, "forwarder: deadline has passed")
    word: uint256 = self.used[customer][nonce >> 8]
    bit: uint256 = 1 << (nonce & 255)
    checks._require(word & bit == 0, "forwarder: nonce is used")
    self.used[customer][nonce >> 8] = word | bit
    digest: bytes32 = eip712_domain_separator._hash_typed_data_v4(struct_hash)
    checks._require(
        self._signed_by_key(customer, digest, signature)
        or self._signed_by_wallet(customer, digest, signature),
        "forwarder: bad signature",
    )


@internal
@pure
def _signed_by_key(
    customer: address, digest: bytes32, signature: Bytes[MAX_SIGNATURE]
) -> bool:
    """
    @dev Whether it is the signature of the key of that address; also of one that has been given
         code (EIP-7702). Never reverts.
    @param customer The address.
    @param digest What was signed.
    @param signature Its r, s and v, 65 bytes; v is 27 or 28 and s the lower one.
    @return Whether it is; never for the zero address.
    """
    if len(signature) != 65 or customer == empty(address):
        return False
    s: uint256 = convert(slice(signature, 32, 32), uint256)
    if s > HALF_ORDER:
        return False
    return customer == ecrecover(
        digest,
        convert(slice(signature, 64, 1), uint256),
        convert(slice(signature, 0, 32), uint256),
        s,
    )


@internal
@view
def _signed_by_wallet(
    customer: address, digest: bytes32, signature: Bytes[MAX_SIGNATURE]
) -> bool:
    """
    @dev Whether a wallet that is a contract calls it its signature (EIP-1271). Never reverts,
         unless the wallet leaves too little gas.
    @param customer The wallet's address.
    @param digest What was signed.
    @param signature Whatever the wallet accepts.
    @return Whether it does; never for an address without code.
    """
    done: bool = False
    answer: Bytes[32] = b""
    done, answer = raw_call(
        customer,
        abi_encode(digest, signature, method_id=VALID),
        max_outsize=32,
        is_static_call=True,
        revert_on_failure=False,
    )
    return (
        done and len(answer) == 32 and convert(answer, bytes32) == convert(VALID, bytes32)
    )


@internal
def _pass_on(request: Bytes[260], customer: address) -> Bytes[32]:
    """
    @dev Calls the meter on a customer's behalf, whose address follows the request (ERC-2771). The
         meter's revert passes through.
    @param request The call, encoded.
    @param customer Whose call it is. The caller has accepted this customer's order for it.
    @return What the meter answers.
    """
    return raw_call(
        METER, concat(request, convert(customer, bytes20)), max_outsize=32
    )
