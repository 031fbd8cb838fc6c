// SPDX-License-Identifier: AGPL-3.0-only
pragma solidity 0.8.30;

import {NativeBase, Yes, vm, svm} from "./Base.sol";
import {BatchSignature, PackedReading} from "./IMeter.sol";
import "./Slots.sol" as Slots;

/// @title Settling under a good signature
/// @dev What happens after the signature's check depends on its outcome only, so the oracle is one
///      of P-256 whose precompile says yes; Signatures.sol is about the checks themselves.
contract Settlement is NativeBase {
    function setUp() public override {
        super.setUp();
        vm.etch(P256VERIFY, address(new Yes()).code);
    }

    /// @notice Settling a reading of an open rental moves no money; its registers and `until` do
    ///         not fall; no other rental changes.
    function check_settle__open(BatchSignature memory b, PackedReading memory p, bool capped, address who, uint256 other)
        public
    {
        settleOpen(b, readings(p), aRental(p.rental, false, capped), who, other);
    }

    /// @notice The same for two readings of one rental in one batch.
    function check_settle__open_two_readings(
        BatchSignature memory b, PackedReading memory p, PackedReading memory q, address who, uint256 other
    ) public {
        q.rental = p.rental;
        settleOpen(b, readings(p, q), aRental(p.rental, false, false), who, other);
    }

    /// @notice Settling a reading of an ended rental moves no money, or closes it with a reading of
    ///         its end: then what is left goes to the customer's account, what is owed and not
    ///         collected to revenue, and as much is held as before. Registers do not fall. No other
    ///         account or rental changes.
    /// @dev The charge does not fall: lemma check_charge__rises.
    function check_settle__ended(BatchSignature memory b, PackedReading memory p, address who, uint256 other) public {
        settleEnded(b, readings(p), aRental(p.rental, true, false), who, other);
    }

    /// @notice The same for a rental with caps.
    /// @dev The charge does not fall: lemma check_charge__rises.
    function check_settle__ended_capped(BatchSignature memory b, PackedReading memory p, address who, uint256 other)
        public
    {
        settleEnded(b, readings(p), aRental(p.rental, true, true), who, other);
    }

    /// @notice The same for two readings of one rental in one batch, of which either may close it.
    /// @dev The charge does not fall: lemma check_charge__rises.
    function check_settle__ended_two_readings(
        BatchSignature memory b, PackedReading memory p, PackedReading memory q, address who, uint256 other
    ) public {
        q.rental = p.rental;
        settleEnded(b, readings(p, q), aRental(p.rental, true, false), who, other);
    }

    function settleOpen(
        BatchSignature memory b, PackedReading[] memory all, Rental memory r, address who, uint256 other
    ) private {
        State memory s = solvent(r.customer, r.number, who, other);
        uint256 before = s.words[METER];
        settle(b, all);
        s.words[METER] = load(Slots.METERS, r.number);
        assertState(s);
        assertRisen(before, s.words[METER]);
        assert(s.words[METER] == before || untilOf(r.number) <= ms(block.timestamp));
    }

    function settleEnded(
        BatchSignature memory b, PackedReading[] memory all, Rental memory r, address who, uint256 other
    ) private {
        State memory s = solvent(r.customer, r.number, who, other);
        uint256 before = s.words[METER];
        settle(b, all);
        s.words[METER] = load(Slots.METERS, r.number);
        if (load(Slots.TERMS, r.number) != termsWord(r, false)) {
            assert(untilOf(r.number) == ms(r.ended_at));
            r.left = meter.balance_of(r.number);
            assert(r.left <= r.funded);
            vm.assume(r.funded - r.left >= r.collected);
            close(s, r);
        }
        assertState(s);
        assertRisen(before, s.words[METER]);
    }

    function readings(PackedReading memory p) private pure returns (PackedReading[] memory all) {
        all = new PackedReading[](1);
        all[0] = p;
    }

    function readings(PackedReading memory p, PackedReading memory q) private pure returns (PackedReading[] memory all) {
        all = new PackedReading[](2);
        (all[0], all[1]) = (p, q);
    }

    function settle(BatchSignature memory b, PackedReading[] memory all) private {
        BatchSignature[] memory signatures = new BatchSignature[](1);
        uint256 key = svm.createUint(160, "key");
        vm.assume(key != 0);
        store(Slots.ORACLES, b.oracle, key | svm.createUint(32, "epoch") << 160 | 1 << 194);
        b.count = all.length;
        signatures[0] = b;
        meter.settle(signatures, all);
    }

    /// No field of a meter word has fallen.
    function assertRisen(uint256 a, uint256 b) private pure {
        uint256 fallen;
        assembly ("memory-safe") {
            function lost(x, y, shift, mask) -> it {
                it := lt(and(shr(shift, y), mask), and(shr(shift, x), mask))
            }
            fallen := lost(a, b, 0, 0x7ffffffffff)
            fallen := or(fallen, lost(a, b, 43, 0x1fffffffff))
            fallen := or(fallen, lost(a, b, 80, 0x1fffffffff))
            fallen := or(fallen, lost(a, b, 117, 0x1fffffffff))
            fallen := or(fallen, lost(a, b, 154, 0x3ffffffff))
            fallen := or(fallen, lost(a, b, 188, 0x3ffffffff))
            fallen := or(fallen, lost(a, b, 222, 0x3ffffffff))
        }
        assert(fallen == 0);
    }
}
