// SPDX-License-Identifier: AGPL-3.0-only
pragma solidity 0.8.30;

import {Base, vm, svm} from "./Base.sol";
import {Caps} from "./IMeter.sol";

/// A token that does what it likes with the balances at every call, and answers anything.
contract HostileToken {
    mapping(address => uint256) public balanceOf;
    address private meter;

    function begin(address meter_, uint256 balance) external {
        meter = meter_;
        balanceOf[meter_] = balance;
    }

    fallback() external {
        balanceOf[meter] = svm.createUint256("balance");
        uint256 answer = svm.createUint256("answer");
        uint256 size = svm.createBool("answers") ? 32 : 0;
        assembly {
            mstore(0, answer)
            return(0, size)
        }
    }
}

/// @title Money in and out in a token that may lie, fee, mint and burn
contract Tokens is Base {
    HostileToken private token;

    function setUp() public {
        token = new HostileToken();
        deploy(address(token));
        token.begin(address(meter), svm.createUint256("tokens"));
    }

    function coins() internal view override returns (uint256) {
        return token.balanceOf(address(meter));
    }

    struct Deposit {
        address payer;
        address account;
        uint256 amount;
        uint256 deadline;
        uint256 before;
        bytes32 nonce;
        uint8 v;
        bytes32 r;
        bytes32 s;
        address other;
        bool ordered;
    }

    /// @notice Whatever the token does, a deposit books what it was asked to, in the named account
    ///         and in what is held, only if the token's balance covers all that is held after it;
    ///         and, of a token that is called once, only if as much has arrived.
    function check_deposit__token(Deposit memory d) public {
        State memory s = state(d);
        uint256 tokens = s.coins;
        act(d.payer, d.ordered, 0, abi.encodeCall(meter.deposit, (d.account, d.amount)));
        assertBooked(d, s);
        unchecked {
            assert(coins() - tokens == d.amount && coins() >= tokens);
        }
    }

    /// @notice The same for a deposit with a permit, whatever the token makes of the permit.
    function check_deposit_with_permit(Deposit memory d) public {
        State memory s = state(d);
        bytes memory data =
            abi.encodeCall(meter.deposit_with_permit, (d.account, d.amount, d.deadline, d.v, d.r, d.s));
        act(d.payer, d.ordered, 0, data);
        assertBooked(d, s);
    }

    /// @notice The same for a deposit by authorisation: the customer named in it is credited,
    ///         whoever sends it.
    function check_deposit_with_authorization(Deposit memory d) public {
        State memory s = state(d);
        uint256 tokens = s.coins;
        vm.prank(d.payer);
        meter.deposit_with_authorization(d.account, d.amount, d.deadline, d.before, d.nonce, d.v, d.r, d.s);
        assertBooked(d, s);
        unchecked {
            assert(coins() - tokens == d.amount && coins() >= tokens);
        }
    }

    /// @notice Whatever the token does, a withdrawal takes from the account and from what is held
    ///         what was asked, and the token's balance does not fall by more.
    function check_withdraw__token(address sender, bool ordered, uint256 amount, address to, address other) public {
        State memory s = solvent(sender, 0, other, 1);
        uint256 tokens = s.coins;
        act(sender, ordered, 0, abi.encodeCall(meter.withdraw, (amount, to)));
        assert(amount > 0 && amount <= s.balance);
        unchecked {
            s.balance -= amount;
            s.held -= amount;
            s.coins = coins();
            assert(s.coins >= tokens || tokens - s.coins <= amount);
        }
        assertState(s);
    }

    /// @notice Coins do not enter a contract whose asset is a token.
    function check_coins__refused(address sender, uint256 value, address account, uint256 a, uint256 c, uint256 d) public {
        vm.assume(value > 0 && sender != address(meter));
        bytes[4] memory calls = [
            abi.encodeCall(meter.deposit, (account, a)),
            abi.encodeCall(meter.open_rental, (a, c, d, Caps({per_rental: a, per_hour: c}), d)),
            abi.encodeCall(meter.top_up, (a, c)),
            abi.encodeCall(meter.post_bond, (a))
        ];
        for (uint256 i = 0; i < calls.length; i++) {
            vm.deal(sender, value);
            vm.prank(sender);
            (bool done,) = address(meter).call{value: value}(calls[i]);
            assert(!done);
        }
    }

    function state(Deposit memory d) private returns (State memory s) {
        vm.assume(d.account != d.other);
        s.account = d.account;
        s.otherAccount = d.other;
        s.otherRental = 1;
        look(s);
    }

    function assertBooked(Deposit memory d, State memory s) private view {
        unchecked {
            s.held += d.amount;
            s.balance += d.amount;
        }
        s.coins = coins();
        assertState(s);
    }
}
