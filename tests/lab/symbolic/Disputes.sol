// SPDX-License-Identifier: AGPL-3.0-only
pragma solidity 0.8.30;

import {NativeBase, Yes, vm, svm} from "./Base.sol";
import {PackedReading} from "./IMeter.sol";
import "./Slots.sol" as Slots;

/// @title Disputes under a receipt whose signature is good
/// @dev As in Settlement.sol, the key is one of P-256 whose precompile says yes.
contract Disputes is NativeBase {
    function setUp() public override {
        super.setUp();
        vm.etch(P256VERIFY, address(new Yes()).code);
    }

    struct Input {
        PackedReading receipt;
        address key;
        bytes32 r;
        bytes32 vs;
        address who;
        uint256 other;
    }

    /// @notice A dispute of a closed rental moves a refund from the revenue, and what is missing of
    ///         it and a penalty from the bond, to the account of the rental's customer; as much is
    ///         held as before; the refunds of a rental never exceed what it owes; terms and
    ///         registers stay; no other account or rental changes. The key is one of the rental's
    ///         oracle and pays its penalty once.
    /// @custom:bound The rental's refunds are below 2^96 and the bond is below 2^127 before.
    function check_dispute(Input memory i, bool capped) public {
        dispute(i, capped, true);
    }

    /// @notice The same of a rental that is open or ended, which it ends and closes: what is left
    ///         is the customer's, what is owed and not collected is revenue before the refund.
    /// @custom:bound As of check_dispute.
    function check_dispute__not_closed(Input memory i, bool capped) public {
        dispute(i, capped, false);
    }

    function dispute(Input memory i, bool capped, bool closed) internal {
        Rental memory r = aRental(i.receipt.rental, false, capped);
        r.ended_at = svm.createUint(34, "ended_at");
        store(Slots.TERMS, r.number, termsWord(r, closed));
        store(Slots.REFUNDED, r.number, svm.createUint(96, "refunded"));
        vm.store(address(meter), bytes32(Slots.POSTED), bytes32(svm.createUint(127, "posted")));
        uint256 record = svm.createUint(99, "record") | 1 << 99;
        store(Slots.RECORDS, uint160(i.key), record);
        State memory s = solvent(r.customer, r.number, i.who, i.other);
        meter.dispute(i.receipt, i.key, i.r, i.vs);
        if (!closed) {
            if (r.ended_at == 0) r.ended_at = block.timestamp;
            close(s, r);
        }
        unchecked {
            uint256 refunded = load(Slots.REFUNDED, r.number);
            uint256 refund = refunded - s.words[REFUNDED];
            uint256 given = s.revenue - load(Slots.REVENUE);
            uint256 paid = s.posted - load(Slots.POSTED);
            uint256 penalty = paid - (refund - given);
            uint256 marked = load(Slots.RECORDS, uint160(i.key)) ^ record;
            uint256 wrong = (record & (2 ** 30 - 1)) ^ r.oracle;
            wrong |= above(s.words[REFUNDED], refunded) | above(refunded, r.funded - r.left);
            wrong |= above(given, s.revenue) | above(given, refund);
            // The bond pays what the revenue cannot, and nothing before that is used up.
            wrong |= above(refund - given, 0) & above(load(Slots.REVENUE), 0);
            wrong |= above(paid, s.posted) | above(penalty, paid) | above(penalty, fine);
            // The key's record is untouched, or marked as penalised, which it was not.
            wrong |= (marked & ~(uint256(1) << 98)) | (marked & record);
            wrong |= above(penalty, 0) & (marked >> 98 ^ 1);
            wrong |= above(load(Slots.RELEASING), load(Slots.POSTED));
            assert(wrong == 0);
            s.posted -= paid;
            s.revenue -= given;
            s.balance += given + paid;
            s.words[REFUNDED] = refunded;
        }
        assertState(s);
    }
}
