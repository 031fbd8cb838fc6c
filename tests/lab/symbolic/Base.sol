// SPDX-License-Identifier: AGPL-3.0-only
pragma solidity 0.8.30;

import {IMeter} from "./IMeter.sol";
import "./Slots.sol" as Slots;
import {FORWARDER_FROM_END} from "./Slots.sol";

/// What halmos understands at Foundry's cheat code address.
interface Vm {
    function assume(bool condition) external;
    function deal(address who, uint256 amount) external;
    function etch(address who, bytes calldata code) external;
    function getCode(string calldata name) external returns (bytes memory);
    function load(address who, bytes32 slot) external view returns (bytes32 word);
    function prank(address sender) external;
    function store(address who, bytes32 slot, bytes32 word) external;
    function warp(uint256 time) external;
}

/// What halmos has of its own: values that stand for all values of their type.
interface Svm {
    function createBool(string calldata name) external returns (bool);
    function createUint(uint256 bits, string calldata name) external returns (uint256);
    function createUint256(string calldata name) external returns (uint256);
    function enableSymbolicStorage(address who) external;
}

Vm constant vm = Vm(0x7109709ECfa91a80626fF3989D68f67F5b1DD12D);
Svm constant svm = Svm(0xF3993A62377BCd56AE39D773740A5390411E8BC9);

/// In the place of the precompile that checks P-256 signatures: says yes to every one.
contract Yes {
    fallback() external payable {
        assembly {
            mstore(0, 1)
            return(0, 32)
        }
    }
}

/// In its place too: fails, or answers with nothing or anything but 1.
contract NeverYes {
    fallback() external payable {
        require(svm.createBool("succeeds"));
        uint256 answer = svm.createUint256("answer");
        vm.assume(answer != 1);
        uint256 size = svm.createBool("answers") ? 32 : 0;
        assembly {
            mstore(0, answer)
            return(0, size)
        }
    }
}

/// @title DrillMeter as vyper compiled it, in an arbitrary state
/// @dev Its whole storage is symbolic, so every state is covered that the contract can reach, and
///      more; a check assumes of it what it says in its notes on bounds and nothing else. The
///      terms of deployment are symbolic as well. A check fails when an `assert` can fail; a path
///      that reverts is no failure, since a transaction that reverts moves nothing. Words are read
///      from storage and not from the contract's views: one that lies hides nothing.
abstract contract Base {
    IMeter internal meter;

    /// Whom the meter believes about who has called; immutable, so it stands behind its code.
    address internal forwarder;

    /// A rental's words in State, in the order of `wordsOf`.
    uint256 internal constant TERMS = 0;
    uint256 internal constant PARTY = 1;
    uint256 internal constant METER = 2;
    uint256 internal constant CAPS = 3;
    uint256 internal constant REFUNDED = 4;

    uint256 internal grace;
    uint256 internal notice;
    uint256 internal fine;

    /// The address at which EIP-7951 puts the check of P-256 signatures.
    address internal constant P256VERIFY = address(0x100);

    /// What a check looks at: the books, one account and one rental that it is about, and one of
    /// each that stand for all others.
    struct State {
        address account;
        address otherAccount;
        uint256 rental;
        uint256 otherRental;
        uint256 held;
        uint256 revenue;
        uint256 posted;
        uint256 coins;
        uint256 balance;
        uint256 otherBalance;
        uint256[5] words;
        uint256[5] otherWords;
    }

    /// A rental's terms and who is in it. `left` is its balance by the contract's own reckoning,
    /// of which Arithmetic.sol checks that it follows from the registers.
    struct Rental {
        uint256 number;
        address customer;
        uint256 collected;
        uint256 funded;
        uint256 opened_at;
        uint256 ended_at;
        uint256 tariff;
        uint256 oracle;
        uint256 drill;
        bool capped;
        uint256 left;
    }

    function deploy(address asset) internal {
        grace = svm.createUint(32, "grace");
        uint256 evidence = svm.createUint(32, "evidence");
        fine = svm.createUint(96, "penalty");
        vm.assume(grace >= 1 hours && grace <= 30 days);
        vm.assume(evidence >= 1 days && evidence <= 90 days);
        notice = grace + 2 * evidence;
        bytes memory code = abi.encodePacked(
            vm.getCode("DrillMeter.sol:DrillMeter"), abi.encode(asset, grace, evidence, fine)
        );
        address deployed;
        assembly {
            deployed := create(0, add(code, 32), mload(code))
        }
        require(deployed != address(0));
        meter = IMeter(deployed);
        address creation;
        assembly {
            extcodecopy(deployed, 0, sub(extcodesize(deployed), FORWARDER_FROM_END), 32)
            creation := mload(0)
        }
        require(creation != address(0));
        forwarder = creation;
        svm.enableSymbolicStorage(deployed);
        vm.assume(load(Slots.PAUSED) <= 1);
        vm.warp(svm.createUint(40, "now"));
    }

    /// What `sender` does: by a transaction, or by an order that the forwarder passes on without
    /// coins, the sender's address behind it. A transaction of the forwarder's own is what it
    /// passes on. Returns the answer; reverts as the call does.
    function act(address sender, bool ordered, uint256 value, bytes memory data) internal returns (bytes memory) {
        vm.assume(ordered ? value == 0 : sender != forwarder);
        vm.prank(ordered ? forwarder : sender);
        (bool done, bytes memory answer) =
            address(meter).call{value: value}(ordered ? abi.encodePacked(data, sender) : data);
        require(done);
        return answer;
    }

    // Storage -----------------------------------------------------------------------------------

    function load(uint256 slot) internal view returns (uint256) {
        return uint256(vm.load(address(meter), bytes32(slot)));
    }

    function load(uint256 slot, uint256 key) internal view returns (uint256) {
        return uint256(vm.load(address(meter), keccak256(abi.encode(slot, key))));
    }

    function store(uint256 slot, uint256 key, uint256 word) internal {
        vm.store(address(meter), keccak256(abi.encode(slot, key)), bytes32(word));
    }

    function owner() internal view returns (address) {
        return address(uint160(load(Slots.OWNER)));
    }

    // State -------------------------------------------------------------------------------------

    function coins() internal view virtual returns (uint256) {
        return address(meter).balance;
    }

    /// The state of a contract that holds what it owes.
    function solvent(address account, uint256 rental, address otherAccount, uint256 otherRental)
        internal
        returns (State memory s)
    {
        vm.assume(account != otherAccount && rental != otherRental);
        s.account = account;
        s.rental = rental;
        s.otherAccount = otherAccount;
        s.otherRental = otherRental;
        look(s);
        vm.assume(s.coins >= s.held);
    }

    function look(State memory s) internal view {
        s.held = load(Slots.HELD);
        s.revenue = load(Slots.REVENUE);
        s.posted = load(Slots.POSTED);
        s.coins = coins();
        s.balance = load(Slots.ACCOUNTS, uint160(s.account));
        s.otherBalance = load(Slots.ACCOUNTS, uint160(s.otherAccount));
        s.words = wordsOf(s.rental);
        s.otherWords = wordsOf(s.otherRental);
    }

    /// The state is now `s`, and the contract still holds what it owes.
    function assertState(State memory s) internal view {
        State memory n;
        n.account = s.account;
        n.rental = s.rental;
        n.otherAccount = s.otherAccount;
        n.otherRental = s.otherRental;
        look(n);
        uint256 differing = (n.held ^ s.held) | (n.revenue ^ s.revenue) | (n.posted ^ s.posted)
            | (n.coins ^ s.coins) | (n.balance ^ s.balance) | (n.otherBalance ^ s.otherBalance);
        for (uint256 i = 0; i < 5; i++) {
            differing |= (n.words[i] ^ s.words[i]) | (n.otherWords[i] ^ s.otherWords[i]);
        }
        assert(differing | above(n.held, n.coins) == 0);
    }

    /// 1 when a > b, and 0 otherwise: a comparison without a branch, of which the paths are halved.
    function above(uint256 a, uint256 b) internal pure returns (uint256 it) {
        assembly ("memory-safe") {
            it := gt(a, b)
        }
    }

    /// Coins have come in.
    function receiveInto(State memory s, uint256 value) internal pure {
        unchecked {
            s.held += value;
            s.coins += value;
        }
    }

    /// Coins have gone out.
    function payFrom(State memory s, uint256 value) internal pure {
        unchecked {
            s.held -= value;
            s.coins -= value;
        }
    }

    /// A rental has closed at its registers: what is left is the customer's, what is owed and not
    /// collected is revenue.
    function close(State memory s, Rental memory r) internal pure {
        unchecked {
            uint256 owed = r.funded - r.left;
            s.revenue += owed - r.collected;
            s.balance += r.left;
            r.collected = owed;
        }
        s.words[TERMS] = termsWord(r, true);
        s.words[PARTY] = partyWord(r);
    }

    // Rentals -----------------------------------------------------------------------------------

    /// An arbitrary rental that is open, or has ended at some time up to now.
    function aRental(uint256 number, bool ended, bool capped) internal returns (Rental memory r) {
        r.number = number;
        r.capped = capped;
        r.funded = svm.createUint(96, "funded");
        r.opened_at = svm.createUint(34, "opened_at");
        if (ended) {
            r.ended_at = svm.createUint(34, "ended_at");
            vm.assume(r.ended_at > 0 && r.ended_at >= r.opened_at && r.ended_at <= block.timestamp);
        }
        r.tariff = svm.createUint(30, "tariff");
        r.oracle = svm.createUint(30, "oracle");
        r.drill = svm.createUint(30, "drill");
        r.customer = address(uint160(svm.createUint(160, "customer")));
        r.collected = svm.createUint(96, "collected");
        store(Slots.TERMS, number, termsWord(r, false));
        store(Slots.PARTIES, number, partyWord(r));
        if (capped) store(Slots.CAPS, number, svm.createUint(192, "caps"));
        vm.assume(untilOf(number) >= ms(r.opened_at));
        r.left = meter.balance_of(number);
        vm.assume(r.left <= r.funded && r.funded - r.left >= r.collected);
    }

    function termsWord(Rental memory r, bool closed) internal pure returns (uint256) {
        return r.funded | r.opened_at << 96 | r.ended_at << 130 | r.tariff << 164 | r.oracle << 194
            | r.drill << 224 | bit(closed) << 254 | bit(r.capped) << 255;
    }

    function bit(bool b) private pure returns (uint256 word) {
        assembly {
            word := b
        }
    }

    function partyWord(Rental memory r) internal pure returns (uint256) {
        return uint256(uint160(r.customer)) | r.collected << 160;
    }

    function untilOf(uint256 number) internal view returns (uint256) {
        return load(Slots.METERS, number) & (2 ** 43 - 1);
    }

    /// Block time in milliseconds; without the check for an overflow, which cannot be.
    function ms(uint256 time) internal pure returns (uint256) {
        unchecked {
            return time * 1000;
        }
    }

    /// The words of a rental, one after the other.
    function wordsOf(uint256 number) internal view returns (uint256[5] memory) {
        return [
            load(Slots.TERMS, number),
            load(Slots.PARTIES, number),
            load(Slots.METERS, number),
            load(Slots.CAPS, number),
            load(Slots.REFUNDED, number)
        ];
    }
}

/// @title For checks with the native coin as the asset
abstract contract NativeBase is Base {
    function setUp() public virtual {
        deploy(address(0));
        vm.deal(address(meter), svm.createUint(127, "coins"));
    }
}
