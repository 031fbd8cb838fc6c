// Written by scripts/generate from the contract and the protocol; never edit it.

/** Of the EIP-712 domain. */
export const DOMAIN_NAME = "DrillMeter"

/** Of the same. */
export const DOMAIN_VERSION = "1"

/** What oracles sign. */
export const TYPES = {
 "UsageReading": [
  {
   "name": "rental",
   "type": "uint256"
  },
  {
   "name": "until",
   "type": "uint256"
  },
  {
   "name": "active_ms_1",
   "type": "uint256"
  },
  {
   "name": "active_ms_2",
   "type": "uint256"
  },
  {
   "name": "active_ms_3",
   "type": "uint256"
  },
  {
   "name": "revolutions_1",
   "type": "uint256"
  },
  {
   "name": "revolutions_2",
   "type": "uint256"
  },
  {
   "name": "revolutions_3",
   "type": "uint256"
  },
  {
   "name": "log_size",
   "type": "uint256"
  },
  {
   "name": "log_root",
   "type": "bytes32"
  }
 ],
 "UsageBatch": [
  {
   "name": "readings",
   "type": "UsageReading[]"
  }
 ],
 "StartLease": [
  {
   "name": "drill",
   "type": "uint256"
  },
  {
   "name": "rental",
   "type": "uint256"
  },
  {
   "name": "issued_at",
   "type": "uint256"
  },
  {
   "name": "expires_at",
   "type": "uint256"
  },
  {
   "name": "block_number",
   "type": "uint256"
  },
  {
   "name": "nonce",
   "type": "uint256"
  }
 ]
} as const

/** Fields of the meter word, lowest first. */
export const METER_BITS = {
 "until": 43,
 "active_ms_1": 37,
 "active_ms_2": 37,
 "active_ms_3": 37,
 "revolutions_1": 34,
 "revolutions_2": 34,
 "revolutions_3": 34
}

/** Where the contract's storage has the points of P-256 keys. */
export const POINTS_SLOT = 8n

/** Load levels of a drill. */
export const LEVELS = 3

/** The contract's numbers. */
export const RENTAL_STATES = {
 "OPEN": 1,
 "ENDED": 2,
 "CLOSED": 4
} as const

/** What says that there is no cap. */
export const NO_CAP = 79228162514264337593543950335n

/** Milliseconds. */
export const MS_PER_MINUTE = 60000n

/** Milliseconds. */
export const MS_PER_HOUR = 3600000n

/** The runway of a tariff that charges nothing. */
export const ENDLESS_RUNWAY_SECONDS = 3153600000n
