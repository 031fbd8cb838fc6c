// SPDX-License-Identifier: AGPL-3.0-only
pragma solidity 0.8.30;

import {NativeBase, vm} from "./Base.sol";
import "./Slots.sol" as Slots;

/// @title What a rental costs and owes, reckoned again from the words in storage
contract Arithmetic is NativeBase {
    uint256 private constant U43 = 2 ** 43 - 1;
    uint256 private constant U37 = 2 ** 37 - 1;
    uint256 private constant U34 = 2 ** 34 - 1;
    uint256 private constant U64 = 2 ** 64 - 1;
    uint256 private constant U96 = 2 ** 96 - 1;

    /// @notice The charge is the formula of the documentation, for any registers and prices.
    function check_charge__is_the_formula(uint256 number, bool capped) public {
        Rental memory r = aRental(number, false, capped);
        assert(meter.charge(number) == formula(load(Slots.METERS, number), r));
    }

    /// @notice What is owed is the charge, or what was funded or the caps allow where that is less;
    ///         the balance is the rest of the funds.
    function check_balance__is_what_is_not_owed(uint256 number, bool capped) public {
        Rental memory r = aRental(number, false, capped);
        unchecked {
            uint256 owed = meter.charge(number);
            if (r.funded < owed) owed = r.funded;
            if (capped) {
                uint256 caps = load(Slots.CAPS, number);
                uint256 elapsed = untilOf(number) - ms(r.opened_at) + 3_600_000;
                uint256 hourly = (caps >> 96) * elapsed / 3_600_000;
                if (caps & U96 < owed) owed = caps & U96;
                if (hourly < owed) owed = hourly;
            }
            assert(r.left == r.funded - owed);
        }
    }

    /// @notice No product in a charge exceeds 107 bits, so that no sum of them overflows.
    function check_product__is_small(uint256 x, uint256 p) public pure {
        unchecked {
            uint256 product = (x & U43) * (p & U64);
            assert(product >> 107 == 0);
        }
    }

    /// @notice One step of the sum that a charge is a thousandth of: of two sums of six products,
    ///         adding to the lesser one a register's product, and to the other the product of that
    ///         register when it has risen, keeps their order and overflows nothing.
    /// @dev Assumed: (x + d) * p = x * p + d * p, the distributive law; and that no product exceeds
    ///      107 bits, which is check_product__is_small.
    function check_charge__rises(uint256 before, uint256 later, uint256 x, uint256 d, uint256 p) public {
        vm.assume(before <= later && later < 6 * 2 ** 107);
        unchecked {
            uint256 low = x * p;
            uint256 step = d * p;
            uint256 high = (x + d) * p;
            vm.assume(high == low + step);
            vm.assume((low | step | high) >> 107 == 0);
            assert(before + low <= later + high);
            assert(later + high < 2 ** 110);
        }
    }

    function tariffWords(uint256 tariff) private view returns (uint256[3] memory t) {
        bytes32 slot = keccak256(abi.encode(Slots.TARIFFS, tariff));
        for (uint256 i = 0; i < 2; i++) {
            t[i] = uint256(vm.load(address(meter), bytes32(uint256(slot) + i)));
        }
    }

    function thousandths(uint256 word, Rental memory r) private view returns (uint256 sum) {
        uint256[3] memory t = tariffWords(r.tariff);
        unchecked {
            sum = ((word & U43) - ms(r.opened_at)) * (t[0] >> 192);
            sum += (word >> 43 & U37) * (t[0] & U64);
            sum += (word >> 80 & U37) * (t[0] >> 64 & U64);
            sum += (word >> 117 & U37) * (t[0] >> 128 & U64);
            sum += (word >> 154 & U34) * (t[1] & U64);
            sum += (word >> 188 & U34) * (t[1] >> 64 & U64);
            sum += (word >> 222) * (t[1] >> 128 & U64);
        }
    }

    function formula(uint256 word, Rental memory r) private view returns (uint256) {
        return thousandths(word, r) / 1000;
    }
}
