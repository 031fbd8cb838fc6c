// Written by scripts/generate from the contract and the protocol; never edit it.

/** No message is longer. */
export const MAX_MESSAGE_BYTES = 8192

/** Fields of what drills and oracles publish. */
export const MESSAGES = {
 "reading": {
  "chain_id": {
   "type": "integer",
   "minimum": 0,
   "exclusiveMaximum": 9223372036854775808
  },
  "contract": {
   "type": "string",
   "pattern": "^0x[0-9a-fA-F]{40}$"
  },
  "drill": {
   "type": "integer",
   "minimum": 1,
   "exclusiveMaximum": 4294967296
  },
  "oracle": {
   "type": "integer",
   "minimum": 0,
   "exclusiveMaximum": 9223372036854775808
  },
  "rental": {
   "type": "integer",
   "minimum": 0,
   "exclusiveMaximum": 9223372036854775808
  },
  "until": {
   "type": "integer",
   "minimum": 0,
   "exclusiveMaximum": 9223372036854775808
  },
  "active_ms_1": {
   "type": "integer",
   "minimum": 0,
   "exclusiveMaximum": 9223372036854775808
  },
  "active_ms_2": {
   "type": "integer",
   "minimum": 0,
   "exclusiveMaximum": 9223372036854775808
  },
  "active_ms_3": {
   "type": "integer",
   "minimum": 0,
   "exclusiveMaximum": 9223372036854775808
  },
  "revolutions_1": {
   "type": "integer",
   "minimum": 0,
   "exclusiveMaximum": 9223372036854775808
  },
  "revolutions_2": {
   "type": "integer",
   "minimum": 0,
   "exclusiveMaximum": 9223372036854775808
  },
  "revolutions_3": {
   "type": "integer",
   "minimum": 0,
   "exclusiveMaximum": 9223372036854775808
  },
  "log_size": {
   "type": "integer",
   "minimum": 0,
   "exclusiveMaximum": 9223372036854775808
  },
  "log_root": {
   "type": "string",
   "pattern": "^0x[0-9a-f]{64}$"
  },
  "signature": {
   "type": "string",
   "pattern": "^0x[0-9a-f]{130}$"
  },
  "charge": {
   "type": "string",
   "pattern": "^(0|[1-9][0-9]{0,77})$"
  },
  "balance": {
   "type": "string",
   "pattern": "^(0|[1-9][0-9]{0,77})$"
  },
  "headroom": {
   "type": "string",
   "pattern": "^(0|-?[1-9][0-9]{0,77})$"
  },
  "runway_seconds": {
   "type": "integer",
   "minimum": 0,
   "exclusiveMaximum": 9223372036854775808
  },
  "settled_until": {
   "type": "integer",
   "minimum": 0,
   "exclusiveMaximum": 9223372036854775808
  },
  "settled_charge": {
   "type": "string",
   "pattern": "^(0|[1-9][0-9]{0,77})$"
  },
  "warning": {
   "type": "string",
   "enum": [
    "none",
    "low",
    "exhausted"
   ]
  }
 },
 "log": {
  "drill": {
   "type": "integer",
   "minimum": 1,
   "exclusiveMaximum": 4294967296
  },
  "rental": {
   "type": "integer",
   "minimum": 0,
   "exclusiveMaximum": 9223372036854775808
  },
  "log_size": {
   "type": "integer",
   "minimum": 0,
   "exclusiveMaximum": 9223372036854775808
  },
  "peaks": {
   "type": "string",
   "pattern": "^0x([0-9a-f]{64}){0,63}$"
  },
  "samples": {
   "type": "string",
   "pattern": "^0x([0-9a-f]{192}){1,24}$"
  }
 },
 "status": {
  "drill": {
   "type": "integer",
   "minimum": 1,
   "exclusiveMaximum": 4294967296
  },
  "online": {
   "type": "boolean"
  },
  "link_up": {
   "type": "boolean"
  },
  "state": {
   "type": "string",
   "maxLength": 200
  },
  "reason": {
   "type": "string",
   "maxLength": 200
  },
  "sequence": {
   "type": "integer",
   "minimum": 0,
   "exclusiveMaximum": 9223372036854775808
  },
  "time_ms": {
   "type": "integer",
   "minimum": 0,
   "exclusiveMaximum": 9223372036854775808
  }
 },
 "lease": {
  "kind": {
   "type": "string",
   "enum": [
    "lease"
   ]
  },
  "drill": {
   "type": "integer",
   "minimum": 1,
   "exclusiveMaximum": 4294967296
  },
  "rental": {
   "type": "integer",
   "minimum": 0,
   "exclusiveMaximum": 9223372036854775808
  },
  "issued_at": {
   "type": "integer",
   "minimum": 0,
   "exclusiveMaximum": 9223372036854775808
  },
  "expires_at": {
   "type": "integer",
   "minimum": 0,
   "exclusiveMaximum": 9223372036854775808
  },
  "block_number": {
   "type": "integer",
   "minimum": 0,
   "exclusiveMaximum": 9223372036854775808
  },
  "nonce": {
   "type": "string",
   "pattern": "^0x[0-9a-f]{32}$"
  },
  "signature": {
   "type": "string",
   "pattern": "^0x[0-9a-f]{130}$"
  },
  "block_hash": {
   "type": "string",
   "pattern": "^0x[0-9a-f]{64}$"
  },
  "transaction_hash": {
   "type": "string",
   "pattern": "^0x[0-9a-f]{64}$"
  },
  "log_index": {
   "type": "integer",
   "minimum": 0,
   "exclusiveMaximum": 9223372036854775808
  }
 },
 "inhibit": {
  "kind": {
   "type": "string",
   "enum": [
    "inhibit"
   ]
  },
  "drill": {
   "type": "integer",
   "minimum": 1,
   "exclusiveMaximum": 4294967296
  },
  "rental": {
   "type": "integer",
   "minimum": 0,
   "exclusiveMaximum": 9223372036854775808,
   "nullable": true
  },
  "reason": {
   "type": "string",
   "maxLength": 200
  },
  "time_ms": {
   "type": "integer",
   "minimum": 0,
   "exclusiveMaximum": 9223372036854775808
  }
 }
}
