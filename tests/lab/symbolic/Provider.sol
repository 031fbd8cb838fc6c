// SPDX-License-Identifier: AGPL-3.0-only
pragma solidity 0.8.30;

import {NativeBase, vm} from "./Base.sol";
import {Tariff} from "./IMeter.sol";
import "./Slots.sol" as Slots;

/// @title The provider's money: earnings and bond; and nobody else's hands on either
contract Provider is NativeBase {
    /// @notice Collecting pays the provider's choice of receiver the revenue and what the named
    ///         rental has earned and no more; no account and no other rental changes, and a second
    ///         collection finds nothing.
    function check_collect(address sender, address to, uint256 number, bool capped, address who, uint256 other) public {
        Rental memory r = aRental(number, false, capped);
        State memory s = solvent(r.customer, number, who, other);
        uint256 purse = to.balance;
        uint256[] memory running = new uint256[](1);
        running[0] = number;
        vm.prank(sender);
        uint256 amount = meter.collect(running, to);
        assert(sender == owner() && amount > 0);
        unchecked {
            assert(amount == s.revenue + (r.funded - r.left) - r.collected);
            assert(to.balance == purse + amount);
            r.collected = r.funded - r.left;
        }
        s.revenue = 0;
        payFrom(s, amount);
        s.words[PARTY] = partyWord(r);
        assertState(s);
        vm.prank(sender);
        try meter.collect(running, to) {
            assert(false);
        } catch {}
    }

    /// @notice Collecting from a rental that is named twice pays what it has earned once.
    function check_collect__the_same_twice(address to, uint256 number, bool capped) public {
        Rental memory r = aRental(number, false, capped);
        State memory s = solvent(r.customer, number, address(0), 0);
        uint256[] memory running = new uint256[](2);
        running[0] = number;
        running[1] = number;
        vm.prank(owner());
        uint256 amount = meter.collect(running, to);
        unchecked {
            assert(amount == s.revenue + (r.funded - r.left) - r.collected);
            r.collected = r.funded - r.left;
        }
        s.revenue = 0;
        payFrom(s, amount);
        s.words[PARTY] = partyWord(r);
        assertState(s);
    }

    /// @notice Posting a bond adds the value sent to the bond and to what is held; by the provider
    ///         only. No account and no rental changes.
    function check_post_bond(address sender, uint256 amount, uint256 value, address who) public {
        vm.assume(sender != address(meter));
        vm.deal(sender, value);
        State memory s = solvent(sender, 0, who, 1);
        vm.prank(sender);
        meter.post_bond{value: value}(amount);
        assert(sender == owner() && amount > 0 && value == amount);
        receiveInto(s, amount);
        s.posted += amount;
        assertState(s);
    }

    /// @notice Announcing a release of the bond moves nothing, names no more than is posted, and
    ///         sets the whole notice from now; by the provider only.
    function check_announce_bond_release(address sender, uint256 amount, address who) public {
        State memory s = solvent(sender, 0, who, 1);
        vm.prank(sender);
        meter.announce_bond_release(amount);
        assert(sender == owner() && amount <= s.posted);
        assertState(s);
        assert(load(Slots.RELEASING) == amount);
        assert(load(Slots.RELEASABLE_AT) == block.timestamp + notice);
    }

    /// @notice The bond is released to the provider's choice of receiver, in the week after the
    ///         notice, and not more than was announced or is posted, once. No account changes.
    function check_release_bond(address sender, address to, address who) public {
        State memory s = solvent(sender, 0, who, 1);
        uint256 purse = to.balance;
        uint256 amount = load(Slots.RELEASING);
        uint256 at = load(Slots.RELEASABLE_AT);
        vm.prank(sender);
        meter.release_bond(to);
        assert(sender == owner() && block.timestamp >= at && block.timestamp - at < 7 days);
        if (amount > s.posted) amount = s.posted;
        assert(amount > 0 && to.balance == purse + amount);
        s.posted -= amount;
        payFrom(s, amount);
        assertState(s);
        vm.prank(sender);
        try meter.release_bond(to) {
            assert(false);
        } catch {}
    }

    /// @notice For anybody but the owner, each of the provider's functions reverts.
    function check_access(address sender, uint256 a, uint256 c, bytes32 d, bytes32 e, address to, Tariff memory t)
        public
    {
        vm.assume(sender != owner());
        uint256[] memory running = new uint256[](1);
        running[0] = a;
        bytes[17] memory calls = [
            abi.encodeCall(meter.publish_tariff, (t)),
            abi.encodeCall(meter.retire_tariff, (a)),
            abi.encodeCall(meter.enrol_p256_key, (a, c, d, e)),
            abi.encodeCall(meter.register_oracle, (to)),
            abi.encodeCall(meter.rotate_oracle, (a, to)),
            abi.encodeCall(meter.revoke_oracle, (a)),
            abi.encodeCall(meter.list_drill, (a, c, "drill")),
            abi.encodeCall(meter.reassign_drill, (a, c, uint256(d))),
            abi.encodeCall(meter.retire_drill, (a)),
            abi.encodeCall(meter.collect, (running, to)),
            abi.encodeCall(meter.post_bond, (a)),
            abi.encodeCall(meter.announce_bond_release, (a)),
            abi.encodeCall(meter.release_bond, (to)),
            abi.encodeCall(meter.set_operator, (to)),
            abi.encodeCall(meter.pause, ()),
            abi.encodeCall(meter.unpause, ()),
            abi.encodeCall(meter.transfer_ownership, (to))
        ];
        for (uint256 i = 0; i < calls.length; i++) {
            vm.prank(sender);
            (bool done,) = address(meter).call(calls[i]);
            assert(!done);
        }
    }
}
