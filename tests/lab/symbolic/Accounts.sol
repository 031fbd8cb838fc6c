// SPDX-License-Identifier: AGPL-3.0-only
pragma solidity 0.8.30;

import {NativeBase, vm} from "./Base.sol";

/// @title Money in and out of accounts, in the native coin
contract Accounts is NativeBase {
    /// @notice A deposit adds what was sent to the named account and to what is held, for any
    ///         sender, account and amount; no other account and no rental changes. The forwarder,
    ///         which sends no coins, deposits none.
    function check_deposit__native(address payer, bool ordered, address account, uint256 amount, uint256 value, address other)
        public
    {
        vm.assume(payer != address(meter));
        vm.deal(payer, value);
        State memory s = solvent(account, 0, other, 1);
        act(payer, ordered, value, abi.encodeCall(meter.deposit, (account, amount)));
        assert(value == amount && amount > 0 && account != address(0));
        receiveInto(s, amount);
        s.balance += amount;
        assertState(s);
    }

    /// @notice A withdrawal, by transaction or by order, pays out of the sender's account what it holds at most, to the named
    ///         receiver, exactly; no other account and no rental changes.
    function check_withdraw__native(address sender, bool ordered, uint256 amount, address to, address other) public {
        State memory s = solvent(sender, 0, other, 1);
        uint256 purse = to.balance;
        act(sender, ordered, 0, abi.encodeCall(meter.withdraw, (amount, to)));
        assert(amount > 0 && amount <= s.balance && to != address(meter) && to != address(0));
        assert(to.balance == purse + amount);
        payFrom(s, amount);
        s.balance -= amount;
        assertState(s);
    }
}
