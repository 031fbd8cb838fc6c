// SPDX-License-Identifier: AGPL-3.0-only
pragma solidity 0.8.30;

struct LevelRate {
    uint256 price_per_second;
    uint256 price_per_1000_revolutions;
    uint256 max_rpm;
}

struct Tariff {
    LevelRate[3] levels;
    uint256 standing_price_per_second;
    uint256 least_reserve;
    bool retired;
}

struct PackedReading {
    uint256 rental;
    uint256 meter;
    uint256 log_size;
    bytes32 log_root;
}

struct BatchSignature {
    uint256 oracle;
    uint256 count;
    bytes32 r;
    bytes32 vs;
}

struct Caps {
    uint256 per_rental;
    uint256 per_hour;
}

/// What the checks call of DrillMeter.
interface IMeter {
    function deposit(address account, uint256 amount) external payable;
    function deposit_with_permit(
        address account, uint256 amount, uint256 deadline, uint8 v, bytes32 r, bytes32 s
    ) external;
    function deposit_with_authorization(
        address customer,
        uint256 amount,
        uint256 valid_after,
        uint256 valid_before,
        bytes32 nonce,
        uint8 v,
        bytes32 r,
        bytes32 s
    ) external;
    function withdraw(uint256 amount, address to) external;
    function open_rental(uint256 drill, uint256 tariff, uint256 reserve, Caps calldata caps, uint256 deadline)
        external
        payable
        returns (uint256);
    function top_up(uint256 rental, uint256 amount) external payable;
    function end_rental(uint256 rental) external;
    function settle(BatchSignature[] calldata signatures, PackedReading[] calldata readings) external;
    function close_rental(uint256 rental) external;
    function dispute(PackedReading calldata receipt, address key, bytes32 r, bytes32 vs) external;

    function publish_tariff(Tariff calldata tariff) external returns (uint256);
    function retire_tariff(uint256 tariff) external;
    function enrol_p256_key(uint256 x, uint256 y, bytes32 r, bytes32 s) external returns (address);
    function register_oracle(address key) external returns (uint256);
    function rotate_oracle(uint256 oracle, address key) external;
    function revoke_oracle(uint256 oracle) external;
    function list_drill(uint256 oracle, uint256 tariff, string calldata label) external returns (uint256);
    function reassign_drill(uint256 drill, uint256 oracle, uint256 tariff) external;
    function retire_drill(uint256 drill) external;
    function collect(uint256[] calldata running, address to) external returns (uint256);
    function post_bond(uint256 amount) external payable;
    function announce_bond_release(uint256 amount) external;
    function release_bond(address to) external;
    function set_operator(address operator) external;
    function pause() external;
    function unpause() external;
    function transfer_ownership(address owner) external;
    function accept_ownership() external;

    function charge(uint256 rental) external view returns (uint256);
    function balance_of(uint256 rental) external view returns (uint256);
}
