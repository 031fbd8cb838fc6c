// SPDX-License-Identifier: AGPL-3.0-only
pragma solidity 0.8.30;

import {NativeBase, Yes, vm, svm} from "./Base.sol";
import {BatchSignature, PackedReading} from "./IMeter.sol";
import "./Slots.sol" as Slots;

/// @title What a settlement may do, whichever readings it is of
/// @dev What happens after the signature's check depends on its outcome only, so the oracle is one
///      of P-256 whose precompile says yes; Signatures.sol is about the checks themselves.
abstract contract Settling is NativeBase {
    /// What to settle; `tariff` is that of the reading before the last, 0 when there is none.
    struct Call {
        BatchSignature[] signatures;
        PackedReading[] readings;
        uint256 tariff;
    }

    function setUp() public override {
        super.setUp();
        vm.etch(P256VERIFY, address(new Yes()).code);
    }

    /// One reading settled of a rental that is open.
    function settleOpen(Call memory c, Rental memory r, address who, uint256 other) internal {
        State memory s = solvent(r.customer, r.number, who, other);
        uint256 before = s.words[METER];
        meter.settle(c.signatures, c.readings);
        s.words[METER] = load(Slots.METERS, r.number);
        assertState(s);
        assertGrown(before, s.words[METER], r, c);
    }

    /// One reading settled of a rental that has ended.
    function settleEnded(Call memory c, Rental memory r, address who, uint256 other) internal {
        State memory s = solvent(r.customer, r.number, who, other);
        uint256 before = s.words[METER];
        meter.settle(c.signatures, c.readings);
        s.words[METER] = load(Slots.METERS, r.number);
        if (load(Slots.TERMS, r.number) != termsWord(r, false)) {
            assert(untilOf(r.number) == ms(r.ended_at));
            r.left = meter.balance_of(r.number);
            assert(r.left <= r.funded);
            vm.assume(r.funded - r.left >= r.collected);
            close(s, r);
        }
        assertState(s);
        assertGrown(before, s.words[METER], r, c);
    }

    /// A reading that must not settle: nothing changes.
    function settleNothing(Call memory c, uint256 number, address who, address stranger, uint256 other) internal {
        State memory s = solvent(who, number, stranger, other);
        meter.settle(c.signatures, c.readings);
        assertState(s);
    }

    /// Make what is settled a rental that is closed, or one that never was.
    function closedOrUnknown(uint256 number, bool known) internal {
        store(Slots.TERMS, number, known ? svm.createUint256("terms") | 1 << 254 : 0);
    }

    /// A batch of one reading.
    function alone(BatchSignature memory b, PackedReading memory p) internal returns (Call memory c) {
        c.signatures = new BatchSignature[](1);
        c.readings = new PackedReading[](1);
        (c.signatures[0], c.readings[0]) = (b, p);
        b.count = 1;
        trust(b.oracle);
    }

    /// The oracle may sign, with some key of P-256.
    function trust(uint256 oracle) internal {
        uint256 key = svm.createUint(160, "key");
        vm.assume(key != 0);
        store(Slots.ORACLES, oracle, key | svm.createUint(32, "epoch") << 160 | 1 << 194);
    }

    /// The second word of a tariff; tariff 0, which is none, allows nothing.
    function ratesOf(uint256 tariff) private view returns (uint256) {
        if (tariff == 0) return 0;
        uint256 slot = uint256(keccak256(abi.encode(Slots.TARIFFS, tariff)));
        unchecked {
            return uint256(vm.load(address(meter), bytes32(slot + 1)));
        }
    }

    /// The meter is as it was, or the last signature is one of the rental's oracle, no field of the
    /// meter has fallen, `until` is not in the future, active time has grown by no more than it,
    /// and revolutions by no more than the highest rpm of the rental's tariff, rounded up.
    function assertGrown(uint256 a, uint256 b, Rental memory r, Call memory c) private view {
        if (a == b) return;
        // Of two equal numbers the one by whose name the contract has read the rates.
        uint256 rates = ratesOf(r.tariff == c.tariff ? c.tariff : r.tariff);
        uint256 wrong = c.signatures[c.signatures.length - 1].oracle ^ r.oracle;
        wrong |= above(b & (2 ** 43 - 1), ms(block.timestamp));
        uint256 active;
        unchecked {
            for (uint256 level = 0; level < 3; level++) {
                uint256 at = 43 + 37 * level;
                uint256 grown = (b >> at & (2 ** 37 - 1)) - (a >> at & (2 ** 37 - 1));
                wrong |= grown >> 37;
                active += grown;
                uint256 rpm = rates >> 192 + 20 * level;
                if (level < 2) rpm &= 2 ** 20 - 1;
                uint256 may = grown * rpm;
                at = 154 + 34 * level;
                grown = (b >> at & (2 ** 34 - 1)) - (a >> at & (2 ** 34 - 1));
                wrong |= grown >> 34;
                wrong |= above(grown * 60_000, may + 59_999);
            }
            uint256 elapsed = (b & (2 ** 43 - 1)) - (a & (2 ** 43 - 1));
            wrong |= (elapsed >> 43) | above(active, elapsed);
        }
        assert(wrong == 0);
    }
}

/// @title Settling one reading under a good signature, the first in its transaction
contract Settlement is Settling {
    /// @notice Settling a reading of an open rental moves no money. Only one of the rental's oracle
    ///         is settled; no register and no `until` falls, which is not in the future; active time
    ///         grows by no more than the clock, revolutions by no more than the highest rpm. No
    ///         other rental changes.
    function check_settle__open(BatchSignature memory b, PackedReading memory p, bool capped, address who, uint256 other)
        public
    {
        settleOpen(alone(b, p), aRental(p.rental, false, capped), who, other);
    }

    /// @notice Settling a reading of an ended rental moves no money, or closes it with a reading of
    ///         its end: then what is left goes to the customer's account, what is owed and not
    ///         collected to revenue, and as much is held as before. Its meter grows as that of an open
    ///         one. No other account or rental changes.
    /// @dev The charge does not fall: lemma check_charge__rises.
    function check_settle__ended(BatchSignature memory b, PackedReading memory p, address who, uint256 other) public {
        settleEnded(alone(b, p), aRental(p.rental, true, false), who, other);
    }

    /// @notice The same for a rental with caps.
    /// @dev The charge does not fall: lemma check_charge__rises.
    function check_settle__ended_capped(BatchSignature memory b, PackedReading memory p, address who, uint256 other)
        public
    {
        settleEnded(alone(b, p), aRental(p.rental, true, true), who, other);
    }

    /// @notice A reading of a rental that is closed, or of none, changes nothing.
    /// @custom:bound Oracle 0, which no rental has, has no key.
    function check_settle__closed(
        BatchSignature memory b, PackedReading memory p, bool known, address who, address stranger, uint256 other
    ) public {
        vm.assume(b.oracle != 0);
        closedOrUnknown(p.rental, known);
        settleNothing(alone(b, p), p.rental, who, stranger, other);
    }
}
