// SPDX-License-Identifier: AGPL-3.0-only
pragma solidity 0.8.30;

import {NativeBase, vm} from "./Base.sol";
import {Caps} from "./IMeter.sol";
import "./Slots.sol" as Slots;

/// @title Opening, topping up, ending and closing
contract Rentals is NativeBase {
    struct Opening {
        address sender;
        uint256 value;
        uint256 drill;
        uint256 tariff;
        uint256 reserve;
        Caps caps;
        uint256 deadline;
        address who;
        uint256 other;
        bool ordered;
    }

    /// @notice Opening moves the reserve from the sender's account, to which the value sent is
    ///         added first, into the rental, whose meter starts now; no other account or rental
    ///         changes. Caps are stored as given unless they are none, and nothing opens after the
    ///         deadline.
    function check_open_rental(Opening memory o) public {
        State memory s = beforeOpening(o);
        bytes memory data = abi.encodeCall(meter.open_rental, (o.drill, o.tariff, o.reserve, o.caps, o.deadline));
        uint256 opened = abi.decode(act(o.sender, o.ordered, o.value, data), (uint256));
        assert(block.timestamp <= o.deadline);
        assertOpened(o, s, opened);
        if (s.words[TERMS] >> 255 == 1) {
            assert(s.words[CAPS] == o.caps.per_rental | o.caps.per_hour << 96);
        } else {
            assert(o.caps.per_rental & o.caps.per_hour == 2 ** 96 - 1);
        }
    }

    function beforeOpening(Opening memory o) private returns (State memory s) {
        vm.assume(o.sender != address(meter));
        vm.deal(o.sender, o.value);
        unchecked {
            s = solvent(o.sender, load(Slots.RENTAL_COUNT) + 1, o.who, o.other);
        }
    }

    function assertOpened(Opening memory o, State memory s, uint256 opened) private view {
        assert(opened == s.rental && load(Slots.RENTAL_COUNT) == s.rental);
        receiveInto(s, o.value);
        unchecked {
            assert(o.reserve > 0 && o.reserve < 2 ** 96 && o.reserve <= s.balance + o.value);
            s.balance = s.balance + o.value - o.reserve;
        }
        s.words = wordsOf(s.rental);
        assertState(s);
        uint256 fields = (s.words[TERMS] & (2 ** 96 - 1)) ^ o.reserve;
        fields |= (s.words[TERMS] >> 130 & (2 ** 34 - 1)) | (s.words[TERMS] >> 254 & 1);
        fields |= s.words[PARTY] ^ uint160(o.sender);
        fields |= s.words[METER] ^ ms(block.timestamp);
        assert(fields == 0);
    }

    /// @notice A top-up moves the amount from the sender's account into the rental, which keeps
    ///         its terms and meter; no other account or rental changes.
    function check_top_up(Opening memory o, uint256 number, uint256 amount, bool capped) public {
        Rental memory r = aRental(number, false, capped);
        vm.assume(o.sender != address(meter));
        vm.deal(o.sender, o.value);
        State memory s = solvent(o.sender, number, o.who, o.other);
        act(o.sender, o.ordered, o.value, abi.encodeCall(meter.top_up, (number, amount)));
        receiveInto(s, o.value);
        unchecked {
            assert(amount > 0 && amount < 2 ** 96 && amount <= s.balance + o.value);
            s.balance = s.balance + o.value - amount;
            r.funded += amount;
            assert(r.funded < 2 ** 96);
        }
        s.words[TERMS] = termsWord(r, false);
        assertState(s);
    }

    /// @notice Only the customer or the operator, by transaction or by order, or the provider ends a
    ///         rental, and anybody else not before a grace period after the last reading. It moves no
    ///         money, or closes the
    ///         rental when it has been metered up to this second: then what is left goes to the
    ///         customer's account and what is owed and not collected to revenue. No other account
    ///         or rental changes.
    function check_end_rental(address sender, bool ordered, uint256 number, bool capped, address who, uint256 other) public {
        Rental memory r = aRental(number, false, capped);
        State memory s = solvent(r.customer, number, who, other);
        act(sender, ordered, 0, abi.encodeCall(meter.end_rental, (number)));
        bool trusted = sender == r.customer || (!ordered && sender == owner());
        if (!trusted && uint160(sender) != load(Slots.OPERATOR)) {
            assert(ms(block.timestamp - grace) >= untilOf(number));
        }
        r.ended_at = block.timestamp;
        s.words[TERMS] = termsWord(r, false);
        if (load(Slots.TERMS, number) != s.words[TERMS]) {
            assert(untilOf(number) == ms(r.ended_at));
            close(s, r);
        }
        assertState(s);
    }

    /// @notice A rental that has ended closes after the grace period, by anybody, and not before:
    ///         what is left goes to the customer's account and what is owed and not collected to
    ///         revenue. No other account or rental changes.
    function check_close_rental(address sender, uint256 number, bool capped, address who, uint256 other) public {
        Rental memory r = aRental(number, true, capped);
        State memory s = solvent(r.customer, number, who, other);
        vm.prank(sender);
        meter.close_rental(number);
        assert(block.timestamp >= r.ended_at + grace);
        close(s, r);
        assertState(s);
    }
}
