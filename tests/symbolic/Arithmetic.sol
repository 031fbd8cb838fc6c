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

    /// @notice The charge of registers that have risen is not less.
    /// @dev Assumed: (x + d) * p = x * p + d * p, the distributive law; that no product exceeds 107
    ///      bits, which is check_product__is_small; and of a quotient q of s by 1000, that
    ///      1000 * q <= s < 1000 * q + 1000.
    function check_charge__rises(uint256 number, uint256[7] memory rise) public {
        Rental memory r = aRental(number, false, false);
        uint256 a = load(Slots.METERS, number);
        uint256 before = meter.charge(number);
        uint256 b = risen(a, rise, r);
        store(Slots.METERS, number, b);
        uint256 later = meter.charge(number);
        quotient(before, a, r);
        quotient(later, b, r);
        assert(later >= before);
    }

    function quotient(uint256 q, uint256 word, Rental memory r) private {
        unchecked {
            uint256 s = thousandths(word, r);
            vm.assume(q < 2 ** 110 && q * 1000 <= s && s < q * 1000 + 1000);
        }
    }

    function risen(uint256 a, uint256[7] memory rise, Rental memory r) private returns (uint256 b) {
        uint256[3] memory t = tariffWords(r.tariff);
        unchecked {
            b = part(a & U43, rise[0], U43, t[0] >> 192, ms(r.opened_at));
            b |= part(a >> 43 & U37, rise[1], U37, t[0] & U64, 0) << 43;
            b |= part(a >> 80 & U37, rise[2], U37, t[0] >> 64 & U64, 0) << 80;
            b |= part(a >> 117 & U37, rise[3], U37, t[0] >> 128 & U64, 0) << 117;
            b |= part(a >> 154 & U34, rise[4], U34, t[1] & U64, 0) << 154;
            b |= part(a >> 188 & U34, rise[5], U34, t[1] >> 64 & U64, 0) << 188;
            b |= part(a >> 222, rise[6], U34, t[1] >> 128 & U64, 0) << 222;
        }
    }

    /// One field, risen by `d`; with what is assumed of its products.
    function part(uint256 x, uint256 d, uint256 highest, uint256 price, uint256 from) private returns (uint256 y) {
        unchecked {
            vm.assume(d <= highest);
            y = x + d;
            vm.assume(y <= highest);
            uint256 low = (x - from) * price;
            uint256 step = d * price;
            vm.assume((y - from) * price == low + step);
            vm.assume((low | step) >> 107 == 0);
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
