// SPDX-License-Identifier: AGPL-3.0-only
pragma solidity 0.8.30;

import {NativeBase, NeverYes, vm, svm} from "./Base.sol";
import {BatchSignature, PackedReading} from "./IMeter.sol";
import "./Slots.sol" as Slots;

/// @title Nothing settles and nothing is disputed without a signature
/// @dev ecrecover and keccak256 are uninterpreted functions; keccak256 has no collisions.
contract Signatures is NativeBase {
    uint256 private constant HALF_ORDER = 0x7FFFFFFFFFFFFFFFFFFFFFFFFFFFFFFF5D576E7357A4501DDFE92F46681B20A0;
    bytes32 private constant READING = keccak256(
        "UsageReading(uint256 rental,uint256 until,uint256 active_ms_1,uint256 active_ms_2,uint256 active_ms_3,uint256 revolutions_1,uint256 revolutions_2,uint256 revolutions_3,uint256 log_size,bytes32 log_root)"
    );
    bytes32 private constant BATCH = keccak256(
        "UsageBatch(UsageReading[] readings)UsageReading(uint256 rental,uint256 until,uint256 active_ms_1,uint256 active_ms_2,uint256 active_ms_3,uint256 revolutions_1,uint256 revolutions_2,uint256 revolutions_3,uint256 log_size,bytes32 log_root)"
    );
    bytes32 private constant DOMAIN =
        keccak256("EIP712Domain(string name,string version,uint256 chainId,address verifyingContract)");

    function setUp() public override {
        super.setUp();
        vm.etch(P256VERIFY, address(new NeverYes()).code);
    }

    /// @notice A reading that the named oracle's present key has not signed changes nothing, be the
    ///         key one of P-256 or of secp256k1, the oracle suspended, revoked or unknown.
    function check_settle__unsigned(BatchSignature memory b, PackedReading memory p, bool p256, address who, address other)
        public
    {
        uint256 oracle = svm.createUint(194, "oracle") | (p256 ? uint256(1) : 0) << 194;
        store(Slots.ORACLES, b.oracle, oracle);
        if (!p256) {
            address key = address(uint160(oracle));
            vm.assume(key == address(0) || oracle >> 192 != 0 || !recovers(p, key, b.r, b.vs));
        }
        State memory s = solvent(who, p.rental, other, ~p.rental);
        BatchSignature[] memory signatures = new BatchSignature[](1);
        PackedReading[] memory readings = new PackedReading[](1);
        b.count = 1;
        signatures[0] = b;
        readings[0] = p;
        meter.settle(signatures, readings);
        assertState(s);
    }

    /// @notice A receipt that the named key has not signed is no ground for a dispute.
    function check_dispute__unsigned(PackedReading memory p, address key, bytes32 r, bytes32 vs, bool p256) public {
        store(Slots.RECORDS, uint160(key), svm.createUint(99, "record") | (p256 ? uint256(1) : 0) << 99);
        if (!p256) vm.assume(!recovers(p, key, r, vs));
        (bool done,) = address(meter).call(abi.encodeCall(meter.dispute, (p, key, r, vs)));
        assert(!done);
    }

    /// The specification: EIP-712 for the digest, EIP-2098 and EIP-2 for the signature.
    function recovers(PackedReading memory p, address key, bytes32 r, bytes32 vs) private view returns (bool) {
        uint256 s = uint256(vs) & (2 ** 255 - 1);
        uint8 v = uint8(27 + (uint256(vs) >> 255));
        address signer = ecrecover(digest(p), v, r, bytes32(s));
        return (s <= HALF_ORDER) && (signer == key) && (key != address(0));
    }

    function digest(PackedReading memory p) private view returns (bytes32) {
        bytes32 domain = keccak256(
            abi.encode(DOMAIN, keccak256("DrillMeter"), keccak256("1"), block.chainid, address(meter))
        );
        uint256 m = p.meter;
        bytes memory reading = abi.encodePacked(
            abi.encode(READING, p.rental, m & (2 ** 43 - 1), m >> 43 & (2 ** 37 - 1), m >> 80 & (2 ** 37 - 1)),
            abi.encode(m >> 117 & (2 ** 37 - 1), m >> 154 & (2 ** 34 - 1), m >> 188 & (2 ** 34 - 1), m >> 222),
            abi.encode(p.log_size, p.log_root)
        );
        bytes32 batch = keccak256(abi.encode(BATCH, keccak256(abi.encode(keccak256(reading)))));
        return keccak256(abi.encodePacked(hex"1901", domain, batch));
    }
}
