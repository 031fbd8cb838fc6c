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

struct Registers {
    uint256 active_ms_1;
    uint256 active_ms_2;
    uint256 active_ms_3;
    uint256 revolutions_1;
    uint256 revolutions_2;
    uint256 revolutions_3;
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

struct Rental {
    address customer;
    uint256 drill;
    uint256 tariff;
    uint256 oracle;
    uint256 state;
    uint256 opened_at;
    uint256 ended_at;
    uint256 until;
    uint256 funded;
    uint256 collected;
}

struct Caps {
    uint256 per_rental;
    uint256 per_hour;
}

struct Bond {
    uint256 posted;
    uint256 releasing;
    uint256 releasable_at;
}

struct Oracle {
    address key;
    uint256 epoch;
    bool revoked;
    bool suspended;
    bool is_p256;
}

struct SigningKey {
    uint256 oracle;
    uint256 since;
    uint256 until;
    bool penalised;
    bool is_p256;
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
    function open_rental(uint256 drill, uint256 tariff, uint256 reserve) external payable returns (uint256);
    function open_capped_rental(uint256 drill, uint256 tariff, uint256 reserve, Caps calldata caps)
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
    function pause() external;
    function unpause() external;
    function transfer_ownership(address owner) external;
    function accept_ownership() external;

    function owner() external view returns (address);
    function bond_notice() external view returns (uint256);
    function evidence_period() external view returns (uint256);
    function penalty() external view returns (uint256);
    function bond() external view returns (Bond memory);
    function held() external view returns (uint256);
    function revenue() external view returns (uint256);
    function account(address customer) external view returns (uint256);
    function rental(uint256 rental) external view returns (Rental memory);
    function registers(uint256 rental) external view returns (Registers memory);
    function caps(uint256 rental) external view returns (Caps memory);
    function charge(uint256 rental) external view returns (uint256);
    function balance_of(uint256 rental) external view returns (uint256);
    function earned(uint256 rental) external view returns (uint256);
    function refunded(uint256 rental) external view returns (uint256);
    function quote(uint256 tariff, Registers calldata registers, uint256 elapsed_ms) external view returns (uint256);
    function tariff(uint256 tariff) external view returns (Tariff memory);
    function oracle(uint256 oracle) external view returns (Oracle memory);
    function signing_key(address key) external view returns (SigningKey memory);
    function rental_count() external view returns (uint256);
}
