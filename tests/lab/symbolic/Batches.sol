// SPDX-License-Identifier: AGPL-3.0-only
pragma solidity 0.8.30;

import {vm, svm} from "./Base.sol";
import {BatchSignature, PackedReading} from "./IMeter.sol";
import {Settling} from "./Settlement.sol";
import "./Slots.sol" as Slots;

/// @title Settling one reading under a good signature when another went before it
/// @dev The step of an induction over the readings of a transaction, of which Settlement.sol is the
///      beginning. The reading before is one of another rental under any tariff, which another oracle
///      has: it is skipped, so what storage holds when the reading's turn comes is what any number
///      of readings before may have left there, and so is all that the contract keeps in memory
///      from one reading to the next, the rates of the last tariff.
contract Batches is Settling {
    struct Two {
        BatchSignature first;
        PackedReading before;
        BatchSignature second;
        PackedReading reading;
    }

    /// @notice A reading of an open rental does what check_settle__open says also after another one
    ///         under the same signature.
    /// @custom:bound Tariffs are numbered from 1.
    function check_settle__open_after_another(Two memory t, bool capped, address who) public {
        Call memory c = together(t);
        settleOpen(c, known(aRental(t.reading.rental, false, capped)), who, t.before.rental);
    }

    /// @notice A reading of an ended rental does what check_settle__ended says also after another
    ///         one under the same signature.
    /// @dev The charge does not fall: lemma check_charge__rises.
    /// @custom:bound Tariffs are numbered from 1.
    function check_settle__ended_after_another(Two memory t, bool capped, address who) public {
        Call memory c = together(t);
        settleEnded(c, known(aRental(t.reading.rental, true, capped)), who, t.before.rental);
    }

    /// @notice A reading of a rental that is closed, or of none, changes nothing after another one
    ///         under the same signature.
    /// @custom:bound Tariffs are numbered from 1. Oracle 0, which no rental has, has no key.
    function check_settle__closed_after_another(Two memory t, bool exists, address who, address stranger) public {
        vm.assume(t.second.oracle != 0);
        Call memory c = together(t);
        closedOrUnknown(t.reading.rental, exists);
        settleNothing(c, t.reading.rental, who, stranger, t.before.rental);
    }

    /// @notice A reading of an open rental does what check_settle__open says also after another one
    ///         under another signature.
    /// @custom:bound Tariffs are numbered from 1.
    function check_settle__open_in_second_batch(Two memory t, bool capped, address who) public {
        Call memory c = apart(t);
        settleOpen(c, known(aRental(t.reading.rental, false, capped)), who, t.before.rental);
    }

    /// @notice A reading of an ended rental does what check_settle__ended says also after another
    ///         one under another signature.
    /// @dev The charge does not fall: lemma check_charge__rises.
    /// @custom:bound Tariffs are numbered from 1.
    function check_settle__ended_in_second_batch(Two memory t, bool capped, address who) public {
        Call memory c = apart(t);
        settleEnded(c, known(aRental(t.reading.rental, true, capped)), who, t.before.rental);
    }

    /// @notice A reading of a rental that is closed, or of none, changes nothing after another one
    ///         under another signature.
    /// @custom:bound Tariffs are numbered from 1. Oracle 0, which no rental has, has no key.
    function check_settle__closed_in_second_batch(Two memory t, bool exists, address who, address stranger) public {
        vm.assume(t.second.oracle != 0);
        Call memory c = apart(t);
        closedOrUnknown(t.reading.rental, exists);
        settleNothing(c, t.reading.rental, who, stranger, t.before.rental);
    }

    /// @notice A good signature before it makes no other one good: readings under one of an oracle
    ///         that is unknown, suspended or revoked change nothing.
    /// @custom:bound Tariffs are numbered from 1.
    function check_settle__unsigned_second_batch(Two memory t, address who, address stranger) public {
        vm.assume(t.first.oracle != t.second.oracle);
        Call memory c = apart(t);
        uint256 oracle = svm.createUint(195, "oracle");
        vm.assume(uint160(oracle) == 0 || oracle >> 192 & 3 != 0);
        store(Slots.ORACLES, t.second.oracle, oracle);
        settleNothing(c, t.reading.rental, who, stranger, t.before.rental);
    }

    /// Both under one signature.
    function together(Two memory t) private returns (Call memory c) {
        c = alone(t.second, t.reading);
        t.second.count = 2;
        c.readings = pair(t);
        c.tariff = skip(t.before.rental, t.second.oracle);
    }

    /// Each under its own.
    function apart(Two memory t) private returns (Call memory c) {
        c = alone(t.second, t.reading);
        // Two keys in storage that may be one are told apart here, where it takes no solver.
        if (t.first.oracle == t.second.oracle) t.first.oracle = t.second.oracle;
        else trust(t.first.oracle);
        c.signatures = new BatchSignature[](2);
        (c.signatures[0], c.signatures[1]) = (t.first, t.second);
        t.first.count = 1;
        c.readings = pair(t);
        c.tariff = skip(t.before.rental, t.first.oracle);
    }

    function pair(Two memory t) private returns (PackedReading[] memory all) {
        all = new PackedReading[](2);
        (all[0], all[1]) = (t.before, t.reading);
        vm.assume(t.before.rental != t.reading.rental);
    }

    /// The rental is another oracle's, and its tariff is any.
    function skip(uint256 rental, uint256 oracle) private returns (uint256 tariff) {
        uint256 terms = load(Slots.TERMS, rental);
        tariff = terms >> 164 & (2 ** 30 - 1);
        vm.assume(terms >> 194 & (2 ** 30 - 1) != oracle);
        vm.assume(tariff != 0);
    }

    function known(Rental memory r) private returns (Rental memory) {
        vm.assume(r.tariff != 0);
        return r;
    }
}
