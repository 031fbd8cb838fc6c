// Written by scripts/generate from the contract and the protocol; never edit it.

export const drillMeterAbi = [
 {
  "name": "OwnershipTransferred",
  "inputs": [
   {
    "name": "previous_owner",
    "type": "address",
    "indexed": true
   },
   {
    "name": "new_owner",
    "type": "address",
    "indexed": true
   }
  ],
  "anonymous": false,
  "type": "event"
 },
 {
  "name": "OwnershipTransferStarted",
  "inputs": [
   {
    "name": "previous_owner",
    "type": "address",
    "indexed": true
   },
   {
    "name": "new_owner",
    "type": "address",
    "indexed": true
   }
  ],
  "anonymous": false,
  "type": "event"
 },
 {
  "name": "Deposited",
  "inputs": [
   {
    "name": "account",
    "type": "address",
    "indexed": true
   },
   {
    "name": "payer",
    "type": "address",
    "indexed": true
   },
   {
    "name": "amount",
    "type": "uint256",
    "indexed": false
   }
  ],
  "anonymous": false,
  "type": "event"
 },
 {
  "name": "Withdrawn",
  "inputs": [
   {
    "name": "account",
    "type": "address",
    "indexed": true
   },
   {
    "name": "to",
    "type": "address",
    "indexed": true
   },
   {
    "name": "amount",
    "type": "uint256",
    "indexed": false
   }
  ],
  "anonymous": false,
  "type": "event"
 },
 {
  "name": "BalancePositive",
  "inputs": [
   {
    "name": "rental",
    "type": "uint256",
    "indexed": true
   },
   {
    "name": "drill",
    "type": "uint256",
    "indexed": true
   },
   {
    "name": "customer",
    "type": "address",
    "indexed": true
   },
   {
    "name": "balance",
    "type": "uint256",
    "indexed": false
   }
  ],
  "anonymous": false,
  "type": "event"
 },
 {
  "name": "RentalOpened",
  "inputs": [
   {
    "name": "rental",
    "type": "uint256",
    "indexed": true
   },
   {
    "name": "drill",
    "type": "uint256",
    "indexed": true
   },
   {
    "name": "customer",
    "type": "address",
    "indexed": true
   },
   {
    "name": "tariff",
    "type": "uint256",
    "indexed": false
   },
   {
    "name": "oracle",
    "type": "uint256",
    "indexed": false
   },
   {
    "name": "funded",
    "type": "uint256",
    "indexed": false
   }
  ],
  "anonymous": false,
  "type": "event"
 },
 {
  "name": "RentalCapped",
  "inputs": [
   {
    "name": "rental",
    "type": "uint256",
    "indexed": true
   },
   {
    "name": "per_rental",
    "type": "uint256",
    "indexed": false
   },
   {
    "name": "per_hour",
    "type": "uint256",
    "indexed": false
   }
  ],
  "anonymous": false,
  "type": "event"
 },
 {
  "name": "ToppedUp",
  "inputs": [
   {
    "name": "rental",
    "type": "uint256",
    "indexed": true
   },
   {
    "name": "payer",
    "type": "address",
    "indexed": true
   },
   {
    "name": "amount",
    "type": "uint256",
    "indexed": false
   },
   {
    "name": "funded",
    "type": "uint256",
    "indexed": false
   }
  ],
  "anonymous": false,
  "type": "event"
 },
 {
  "name": "RentalEnded",
  "inputs": [
   {
    "name": "rental",
    "type": "uint256",
    "indexed": true
   },
   {
    "name": "by",
    "type": "address",
    "indexed": true
   },
   {
    "name": "ended_at",
    "type": "uint256",
    "indexed": false
   }
  ],
  "anonymous": false,
  "type": "event"
 },
 {
  "name": "RentalClosed",
  "inputs": [
   {
    "name": "rental",
    "type": "uint256",
    "indexed": true
   },
   {
    "name": "customer",
    "type": "address",
    "indexed": true
   },
   {
    "name": "charge",
    "type": "uint256",
    "indexed": false
   },
   {
    "name": "refund",
    "type": "uint256",
    "indexed": false
   }
  ],
  "anonymous": false,
  "type": "event"
 },
 {
  "name": "ReadingRejected",
  "inputs": [
   {
    "name": "rental",
    "type": "uint256",
    "indexed": true
   },
   {
    "name": "until",
    "type": "uint256",
    "indexed": false
   },
   {
    "name": "reason",
    "type": "string",
    "indexed": false
   }
  ],
  "anonymous": false,
  "type": "event"
 },
 {
  "name": "UsageSettled",
  "inputs": [
   {
    "name": "rental",
    "type": "uint256",
    "indexed": true
   },
   {
    "name": "until",
    "type": "uint256",
    "indexed": false
   },
   {
    "name": "meter",
    "type": "uint256",
    "indexed": false
   },
   {
    "name": "log_size",
    "type": "uint256",
    "indexed": false
   },
   {
    "name": "log_root",
    "type": "bytes32",
    "indexed": false
   },
   {
    "name": "charge",
    "type": "uint256",
    "indexed": false
   }
  ],
  "anonymous": false,
  "type": "event"
 },
 {
  "name": "BalanceExhausted",
  "inputs": [
   {
    "name": "rental",
    "type": "uint256",
    "indexed": true
   },
   {
    "name": "charge",
    "type": "uint256",
    "indexed": false
   },
   {
    "name": "limit",
    "type": "uint256",
    "indexed": false
   }
  ],
  "anonymous": false,
  "type": "event"
 },
 {
  "name": "OracleSuspended",
  "inputs": [
   {
    "name": "oracle",
    "type": "uint256",
    "indexed": true
   },
   {
    "name": "key",
    "type": "address",
    "indexed": true
   }
  ],
  "anonymous": false,
  "type": "event"
 },
 {
  "name": "UsageDisputed",
  "inputs": [
   {
    "name": "rental",
    "type": "uint256",
    "indexed": true
   },
   {
    "name": "key",
    "type": "address",
    "indexed": true
   },
   {
    "name": "until",
    "type": "uint256",
    "indexed": false
   },
   {
    "name": "meter",
    "type": "uint256",
    "indexed": false
   },
   {
    "name": "refund",
    "type": "uint256",
    "indexed": false
   },
   {
    "name": "from_revenue",
    "type": "uint256",
    "indexed": false
   },
   {
    "name": "penalty",
    "type": "uint256",
    "indexed": false
   }
  ],
  "anonymous": false,
  "type": "event"
 },
 {
  "name": "OperatorSet",
  "inputs": [
   {
    "name": "operator",
    "type": "address",
    "indexed": true
   }
  ],
  "anonymous": false,
  "type": "event"
 },
 {
  "name": "TariffPublished",
  "inputs": [
   {
    "name": "tariff",
    "type": "uint256",
    "indexed": true
   },
   {
    "name": "levels",
    "type": "tuple[3]",
    "components": [
     {
      "name": "price_per_second",
      "type": "uint256"
     },
     {
      "name": "price_per_1000_revolutions",
      "type": "uint256"
     },
     {
      "name": "max_rpm",
      "type": "uint256"
     }
    ],
    "indexed": false
   },
   {
    "name": "standing_price_per_second",
    "type": "uint256",
    "indexed": false
   },
   {
    "name": "least_reserve",
    "type": "uint256",
    "indexed": false
   }
  ],
  "anonymous": false,
  "type": "event"
 },
 {
  "name": "TariffRetired",
  "inputs": [
   {
    "name": "tariff",
    "type": "uint256",
    "indexed": true
   }
  ],
  "anonymous": false,
  "type": "event"
 },
 {
  "name": "KeyEnrolled",
  "inputs": [
   {
    "name": "key",
    "type": "address",
    "indexed": true
   },
   {
    "name": "x",
    "type": "uint256",
    "indexed": false
   },
   {
    "name": "y",
    "type": "uint256",
    "indexed": false
   }
  ],
  "anonymous": false,
  "type": "event"
 },
 {
  "name": "OracleRegistered",
  "inputs": [
   {
    "name": "oracle",
    "type": "uint256",
    "indexed": true
   },
   {
    "name": "key",
    "type": "address",
    "indexed": true
   }
  ],
  "anonymous": false,
  "type": "event"
 },
 {
  "name": "OracleRotated",
  "inputs": [
   {
    "name": "oracle",
    "type": "uint256",
    "indexed": true
   },
   {
    "name": "key",
    "type": "address",
    "indexed": true
   },
   {
    "name": "epoch",
    "type": "uint256",
    "indexed": false
   }
  ],
  "anonymous": false,
  "type": "event"
 },
 {
  "name": "OracleRevoked",
  "inputs": [
   {
    "name": "oracle",
    "type": "uint256",
    "indexed": true
   }
  ],
  "anonymous": false,
  "type": "event"
 },
 {
  "name": "DrillListed",
  "inputs": [
   {
    "name": "drill",
    "type": "uint256",
    "indexed": true
   },
   {
    "name": "oracle",
    "type": "uint256",
    "indexed": true
   },
   {
    "name": "tariff",
    "type": "uint256",
    "indexed": false
   },
   {
    "name": "label",
    "type": "string",
    "indexed": false
   }
  ],
  "anonymous": false,
  "type": "event"
 },
 {
  "name": "DrillReassigned",
  "inputs": [
   {
    "name": "drill",
    "type": "uint256",
    "indexed": true
   },
   {
    "name": "oracle",
    "type": "uint256",
    "indexed": true
   },
   {
    "name": "tariff",
    "type": "uint256",
    "indexed": false
   }
  ],
  "anonymous": false,
  "type": "event"
 },
 {
  "name": "DrillRetired",
  "inputs": [
   {
    "name": "drill",
    "type": "uint256",
    "indexed": true
   }
  ],
  "anonymous": false,
  "type": "event"
 },
 {
  "name": "RevenueCollected",
  "inputs": [
   {
    "name": "rental",
    "type": "uint256",
    "indexed": true
   },
   {
    "name": "to",
    "type": "address",
    "indexed": true
   },
   {
    "name": "amount",
    "type": "uint256",
    "indexed": false
   }
  ],
  "anonymous": false,
  "type": "event"
 },
 {
  "name": "BondPosted",
  "inputs": [
   {
    "name": "amount",
    "type": "uint256",
    "indexed": false
   },
   {
    "name": "bond",
    "type": "uint256",
    "indexed": false
   }
  ],
  "anonymous": false,
  "type": "event"
 },
 {
  "name": "BondReleaseAnnounced",
  "inputs": [
   {
    "name": "amount",
    "type": "uint256",
    "indexed": false
   },
   {
    "name": "releasable_at",
    "type": "uint256",
    "indexed": false
   }
  ],
  "anonymous": false,
  "type": "event"
 },
 {
  "name": "BondReleased",
  "inputs": [
   {
    "name": "to",
    "type": "address",
    "indexed": true
   },
   {
    "name": "amount",
    "type": "uint256",
    "indexed": false
   }
  ],
  "anonymous": false,
  "type": "event"
 },
 {
  "name": "Paused",
  "inputs": [
   {
    "name": "account",
    "type": "address",
    "indexed": false
   }
  ],
  "anonymous": false,
  "type": "event"
 },
 {
  "name": "Unpaused",
  "inputs": [
   {
    "name": "account",
    "type": "address",
    "indexed": false
   }
  ],
  "anonymous": false,
  "type": "event"
 },
 {
  "stateMutability": "view",
  "type": "function",
  "name": "owner",
  "inputs": [],
  "outputs": [
   {
    "name": "",
    "type": "address"
   }
  ]
 },
 {
  "stateMutability": "view",
  "type": "function",
  "name": "pending_owner",
  "inputs": [],
  "outputs": [
   {
    "name": "",
    "type": "address"
   }
  ]
 },
 {
  "stateMutability": "nonpayable",
  "type": "function",
  "name": "transfer_ownership",
  "inputs": [
   {
    "name": "new_owner",
    "type": "address"
   }
  ],
  "outputs": []
 },
 {
  "stateMutability": "nonpayable",
  "type": "function",
  "name": "accept_ownership",
  "inputs": [],
  "outputs": []
 },
 {
  "stateMutability": "view",
  "type": "function",
  "name": "paused",
  "inputs": [],
  "outputs": [
   {
    "name": "",
    "type": "bool"
   }
  ]
 },
 {
  "stateMutability": "view",
  "type": "function",
  "name": "eip712Domain",
  "inputs": [],
  "outputs": [
   {
    "name": "",
    "type": "bytes1"
   },
   {
    "name": "",
    "type": "string"
   },
   {
    "name": "",
    "type": "string"
   },
   {
    "name": "",
    "type": "uint256"
   },
   {
    "name": "",
    "type": "address"
   },
   {
    "name": "",
    "type": "bytes32"
   },
   {
    "name": "",
    "type": "uint256[]"
   }
  ]
 },
 {
  "stateMutability": "payable",
  "type": "function",
  "name": "deposit",
  "inputs": [
   {
    "name": "account",
    "type": "address"
   },
   {
    "name": "amount",
    "type": "uint256"
   }
  ],
  "outputs": []
 },
 {
  "stateMutability": "nonpayable",
  "type": "function",
  "name": "deposit_with_permit",
  "inputs": [
   {
    "name": "account",
    "type": "address"
   },
   {
    "name": "amount",
    "type": "uint256"
   },
   {
    "name": "deadline",
    "type": "uint256"
   },
   {
    "name": "v",
    "type": "uint8"
   },
   {
    "name": "r",
    "type": "bytes32"
   },
   {
    "name": "s",
    "type": "bytes32"
   }
  ],
  "outputs": []
 },
 {
  "stateMutability": "nonpayable",
  "type": "function",
  "name": "deposit_with_authorization",
  "inputs": [
   {
    "name": "customer",
    "type": "address"
   },
   {
    "name": "amount",
    "type": "uint256"
   },
   {
    "name": "valid_after",
    "type": "uint256"
   },
   {
    "name": "valid_before",
    "type": "uint256"
   },
   {
    "name": "nonce",
    "type": "bytes32"
   },
   {
    "name": "v",
    "type": "uint8"
   },
   {
    "name": "r",
    "type": "bytes32"
   },
   {
    "name": "s",
    "type": "bytes32"
   }
  ],
  "outputs": []
 },
 {
  "stateMutability": "nonpayable",
  "type": "function",
  "name": "withdraw",
  "inputs": [
   {
    "name": "amount",
    "type": "uint256"
   },
   {
    "name": "to",
    "type": "address"
   }
  ],
  "outputs": []
 },
 {
  "stateMutability": "payable",
  "type": "function",
  "name": "open_rental",
  "inputs": [
   {
    "name": "drill",
    "type": "uint256"
   },
   {
    "name": "tariff",
    "type": "uint256"
   },
   {
    "name": "reserve",
    "type": "uint256"
   },
   {
    "name": "caps",
    "type": "tuple",
    "components": [
     {
      "name": "per_rental",
      "type": "uint256"
     },
     {
      "name": "per_hour",
      "type": "uint256"
     }
    ]
   },
   {
    "name": "deadline",
    "type": "uint256"
   }
  ],
  "outputs": [
   {
    "name": "",
    "type": "uint256"
   }
  ]
 },
 {
  "stateMutability": "payable",
  "type": "function",
  "name": "top_up",
  "inputs": [
   {
    "name": "rental",
    "type": "uint256"
   },
   {
    "name": "amount",
    "type": "uint256"
   }
  ],
  "outputs": []
 },
 {
  "stateMutability": "nonpayable",
  "type": "function",
  "name": "end_rental",
  "inputs": [
   {
    "name": "rental",
    "type": "uint256"
   }
  ],
  "outputs": []
 },
 {
  "stateMutability": "nonpayable",
  "type": "function",
  "name": "settle",
  "inputs": [
   {
    "name": "signatures",
    "type": "tuple[]",
    "components": [
     {
      "name": "oracle",
      "type": "uint256"
     },
     {
      "name": "count",
      "type": "uint256"
     },
     {
      "name": "r",
      "type": "bytes32"
     },
     {
      "name": "vs",
      "type": "bytes32"
     }
    ]
   },
   {
    "name": "readings",
    "type": "tuple[]",
    "components": [
     {
      "name": "rental",
      "type": "uint256"
     },
     {
      "name": "meter",
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
    ]
   }
  ],
  "outputs": []
 },
 {
  "stateMutability": "nonpayable",
  "type": "function",
  "name": "close_rental",
  "inputs": [
   {
    "name": "rental",
    "type": "uint256"
   }
  ],
  "outputs": []
 },
 {
  "stateMutability": "nonpayable",
  "type": "function",
  "name": "dispute",
  "inputs": [
   {
    "name": "receipt",
    "type": "tuple",
    "components": [
     {
      "name": "rental",
      "type": "uint256"
     },
     {
      "name": "meter",
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
    ]
   },
   {
    "name": "key",
    "type": "address"
   },
   {
    "name": "r",
    "type": "bytes32"
   },
   {
    "name": "vs",
    "type": "bytes32"
   }
  ],
  "outputs": []
 },
 {
  "stateMutability": "nonpayable",
  "type": "function",
  "name": "set_operator",
  "inputs": [
   {
    "name": "operator",
    "type": "address"
   }
  ],
  "outputs": []
 },
 {
  "stateMutability": "nonpayable",
  "type": "function",
  "name": "publish_tariff",
  "inputs": [
   {
    "name": "tariff",
    "type": "tuple",
    "components": [
     {
      "name": "levels",
      "type": "tuple[3]",
      "components": [
       {
        "name": "price_per_second",
        "type": "uint256"
       },
       {
        "name": "price_per_1000_revolutions",
        "type": "uint256"
       },
       {
        "name": "max_rpm",
        "type": "uint256"
       }
      ]
     },
     {
      "name": "standing_price_per_second",
      "type": "uint256"
     },
     {
      "name": "least_reserve",
      "type": "uint256"
     },
     {
      "name": "retired",
      "type": "bool"
     }
    ]
   }
  ],
  "outputs": [
   {
    "name": "",
    "type": "uint256"
   }
  ]
 },
 {
  "stateMutability": "nonpayable",
  "type": "function",
  "name": "retire_tariff",
  "inputs": [
   {
    "name": "tariff",
    "type": "uint256"
   }
  ],
  "outputs": []
 },
 {
  "stateMutability": "nonpayable",
  "type": "function",
  "name": "enrol_p256_key",
  "inputs": [
   {
    "name": "x",
    "type": "uint256"
   },
   {
    "name": "y",
    "type": "uint256"
   },
   {
    "name": "r",
    "type": "bytes32"
   },
   {
    "name": "s",
    "type": "bytes32"
   }
  ],
  "outputs": [
   {
    "name": "",
    "type": "address"
   }
  ]
 },
 {
  "stateMutability": "nonpayable",
  "type": "function",
  "name": "register_oracle",
  "inputs": [
   {
    "name": "key",
    "type": "address"
   }
  ],
  "outputs": [
   {
    "name": "",
    "type": "uint256"
   }
  ]
 },
 {
  "stateMutability": "nonpayable",
  "type": "function",
  "name": "rotate_oracle",
  "inputs": [
   {
    "name": "oracle",
    "type": "uint256"
   },
   {
    "name": "key",
    "type": "address"
   }
  ],
  "outputs": []
 },
 {
  "stateMutability": "nonpayable",
  "type": "function",
  "name": "revoke_oracle",
  "inputs": [
   {
    "name": "oracle",
    "type": "uint256"
   }
  ],
  "outputs": []
 },
 {
  "stateMutability": "nonpayable",
  "type": "function",
  "name": "list_drill",
  "inputs": [
   {
    "name": "oracle",
    "type": "uint256"
   },
   {
    "name": "tariff",
    "type": "uint256"
   },
   {
    "name": "label",
    "type": "string"
   }
  ],
  "outputs": [
   {
    "name": "",
    "type": "uint256"
   }
  ]
 },
 {
  "stateMutability": "nonpayable",
  "type": "function",
  "name": "reassign_drill",
  "inputs": [
   {
    "name": "drill",
    "type": "uint256"
   },
   {
    "name": "oracle",
    "type": "uint256"
   },
   {
    "name": "tariff",
    "type": "uint256"
   }
  ],
  "outputs": []
 },
 {
  "stateMutability": "nonpayable",
  "type": "function",
  "name": "retire_drill",
  "inputs": [
   {
    "name": "drill",
    "type": "uint256"
   }
  ],
  "outputs": []
 },
 {
  "stateMutability": "nonpayable",
  "type": "function",
  "name": "collect",
  "inputs": [
   {
    "name": "running",
    "type": "uint256[]"
   },
   {
    "name": "to",
    "type": "address"
   }
  ],
  "outputs": [
   {
    "name": "",
    "type": "uint256"
   }
  ]
 },
 {
  "stateMutability": "payable",
  "type": "function",
  "name": "post_bond",
  "inputs": [
   {
    "name": "amount",
    "type": "uint256"
   }
  ],
  "outputs": []
 },
 {
  "stateMutability": "nonpayable",
  "type": "function",
  "name": "announce_bond_release",
  "inputs": [
   {
    "name": "amount",
    "type": "uint256"
   }
  ],
  "outputs": []
 },
 {
  "stateMutability": "nonpayable",
  "type": "function",
  "name": "release_bond",
  "inputs": [
   {
    "name": "to",
    "type": "address"
   }
  ],
  "outputs": []
 },
 {
  "stateMutability": "nonpayable",
  "type": "function",
  "name": "pause",
  "inputs": [],
  "outputs": []
 },
 {
  "stateMutability": "nonpayable",
  "type": "function",
  "name": "unpause",
  "inputs": [],
  "outputs": []
 },
 {
  "stateMutability": "view",
  "type": "function",
  "name": "asset",
  "inputs": [],
  "outputs": [
   {
    "name": "",
    "type": "address"
   }
  ]
 },
 {
  "stateMutability": "view",
  "type": "function",
  "name": "grace_period",
  "inputs": [],
  "outputs": [
   {
    "name": "",
    "type": "uint256"
   }
  ]
 },
 {
  "stateMutability": "view",
  "type": "function",
  "name": "evidence_period",
  "inputs": [],
  "outputs": [
   {
    "name": "",
    "type": "uint256"
   }
  ]
 },
 {
  "stateMutability": "view",
  "type": "function",
  "name": "penalty",
  "inputs": [],
  "outputs": [
   {
    "name": "",
    "type": "uint256"
   }
  ]
 },
 {
  "stateMutability": "view",
  "type": "function",
  "name": "bond",
  "inputs": [],
  "outputs": [
   {
    "name": "",
    "type": "tuple",
    "components": [
     {
      "name": "posted",
      "type": "uint256"
     },
     {
      "name": "releasing",
      "type": "uint256"
     },
     {
      "name": "releasable_at",
      "type": "uint256"
     }
    ]
   }
  ]
 },
 {
  "stateMutability": "view",
  "type": "function",
  "name": "operator",
  "inputs": [],
  "outputs": [
   {
    "name": "",
    "type": "address"
   }
  ]
 },
 {
  "stateMutability": "view",
  "type": "function",
  "name": "held",
  "inputs": [],
  "outputs": [
   {
    "name": "",
    "type": "uint256"
   }
  ]
 },
 {
  "stateMutability": "view",
  "type": "function",
  "name": "revenue",
  "inputs": [],
  "outputs": [
   {
    "name": "",
    "type": "uint256"
   }
  ]
 },
 {
  "stateMutability": "view",
  "type": "function",
  "name": "account",
  "inputs": [
   {
    "name": "customer",
    "type": "address"
   }
  ],
  "outputs": [
   {
    "name": "",
    "type": "uint256"
   }
  ]
 },
 {
  "stateMutability": "view",
  "type": "function",
  "name": "rental_count",
  "inputs": [],
  "outputs": [
   {
    "name": "",
    "type": "uint256"
   }
  ]
 },
 {
  "stateMutability": "view",
  "type": "function",
  "name": "drill_count",
  "inputs": [],
  "outputs": [
   {
    "name": "",
    "type": "uint256"
   }
  ]
 },
 {
  "stateMutability": "view",
  "type": "function",
  "name": "tariff_count",
  "inputs": [],
  "outputs": [
   {
    "name": "",
    "type": "uint256"
   }
  ]
 },
 {
  "stateMutability": "view",
  "type": "function",
  "name": "oracle_count",
  "inputs": [],
  "outputs": [
   {
    "name": "",
    "type": "uint256"
   }
  ]
 },
 {
  "stateMutability": "view",
  "type": "function",
  "name": "words",
  "inputs": [
   {
    "name": "number",
    "type": "uint256"
   }
  ],
  "outputs": [
   {
    "name": "",
    "type": "tuple",
    "components": [
     {
      "name": "terms",
      "type": "uint256"
     },
     {
      "name": "party",
      "type": "uint256"
     },
     {
      "name": "meter",
      "type": "uint256"
     },
     {
      "name": "caps",
      "type": "uint256"
     },
     {
      "name": "refunded",
      "type": "uint256"
     },
     {
      "name": "tariff",
      "type": "uint256[3]"
     },
     {
      "name": "drill",
      "type": "uint256"
     },
     {
      "name": "oracle",
      "type": "uint256"
     },
     {
      "name": "key",
      "type": "uint256"
     }
    ]
   }
  ]
 },
 {
  "stateMutability": "nonpayable",
  "type": "constructor",
  "inputs": [
   {
    "name": "asset",
    "type": "address"
   },
   {
    "name": "grace_period",
    "type": "uint256"
   },
   {
    "name": "evidence_period",
    "type": "uint256"
   },
   {
    "name": "penalty",
    "type": "uint256"
   }
  ],
  "outputs": []
 },
 {
  "stateMutability": "view",
  "type": "function",
  "name": "rental",
  "inputs": [
   {
    "name": "rental",
    "type": "uint256"
   }
  ],
  "outputs": [
   {
    "name": "",
    "type": "tuple",
    "components": [
     {
      "name": "customer",
      "type": "address"
     },
     {
      "name": "drill",
      "type": "uint256"
     },
     {
      "name": "tariff",
      "type": "uint256"
     },
     {
      "name": "oracle",
      "type": "uint256"
     },
     {
      "name": "state",
      "type": "uint256"
     },
     {
      "name": "opened_at",
      "type": "uint256"
     },
     {
      "name": "ended_at",
      "type": "uint256"
     },
     {
      "name": "until",
      "type": "uint256"
     },
     {
      "name": "funded",
      "type": "uint256"
     },
     {
      "name": "collected",
      "type": "uint256"
     }
    ]
   }
  ]
 },
 {
  "stateMutability": "view",
  "type": "function",
  "name": "registers",
  "inputs": [
   {
    "name": "rental",
    "type": "uint256"
   }
  ],
  "outputs": [
   {
    "name": "",
    "type": "tuple",
    "components": [
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
     }
    ]
   }
  ]
 },
 {
  "stateMutability": "view",
  "type": "function",
  "name": "charge",
  "inputs": [
   {
    "name": "rental",
    "type": "uint256"
   }
  ],
  "outputs": [
   {
    "name": "",
    "type": "uint256"
   }
  ]
 },
 {
  "stateMutability": "view",
  "type": "function",
  "name": "balance_of",
  "inputs": [
   {
    "name": "rental",
    "type": "uint256"
   }
  ],
  "outputs": [
   {
    "name": "",
    "type": "uint256"
   }
  ]
 },
 {
  "stateMutability": "view",
  "type": "function",
  "name": "earned",
  "inputs": [
   {
    "name": "rental",
    "type": "uint256"
   }
  ],
  "outputs": [
   {
    "name": "",
    "type": "uint256"
   }
  ]
 },
 {
  "stateMutability": "view",
  "type": "function",
  "name": "caps",
  "inputs": [
   {
    "name": "rental",
    "type": "uint256"
   }
  ],
  "outputs": [
   {
    "name": "",
    "type": "tuple",
    "components": [
     {
      "name": "per_rental",
      "type": "uint256"
     },
     {
      "name": "per_hour",
      "type": "uint256"
     }
    ]
   }
  ]
 },
 {
  "stateMutability": "view",
  "type": "function",
  "name": "refunded",
  "inputs": [
   {
    "name": "rental",
    "type": "uint256"
   }
  ],
  "outputs": [
   {
    "name": "",
    "type": "uint256"
   }
  ]
 },
 {
  "stateMutability": "view",
  "type": "function",
  "name": "tariff",
  "inputs": [
   {
    "name": "tariff",
    "type": "uint256"
   }
  ],
  "outputs": [
   {
    "name": "",
    "type": "tuple",
    "components": [
     {
      "name": "levels",
      "type": "tuple[3]",
      "components": [
       {
        "name": "price_per_second",
        "type": "uint256"
       },
       {
        "name": "price_per_1000_revolutions",
        "type": "uint256"
       },
       {
        "name": "max_rpm",
        "type": "uint256"
       }
      ]
     },
     {
      "name": "standing_price_per_second",
      "type": "uint256"
     },
     {
      "name": "least_reserve",
      "type": "uint256"
     },
     {
      "name": "retired",
      "type": "bool"
     }
    ]
   }
  ]
 },
 {
  "stateMutability": "view",
  "type": "function",
  "name": "quote",
  "inputs": [
   {
    "name": "tariff",
    "type": "uint256"
   },
   {
    "name": "registers",
    "type": "tuple",
    "components": [
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
     }
    ]
   },
   {
    "name": "elapsed_ms",
    "type": "uint256"
   }
  ],
  "outputs": [
   {
    "name": "",
    "type": "uint256"
   }
  ]
 },
 {
  "stateMutability": "pure",
  "type": "function",
  "name": "read_meter",
  "inputs": [
   {
    "name": "word",
    "type": "uint256"
   }
  ],
  "outputs": [
   {
    "name": "",
    "type": "uint256"
   },
   {
    "name": "",
    "type": "tuple",
    "components": [
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
     }
    ]
   }
  ]
 },
 {
  "stateMutability": "view",
  "type": "function",
  "name": "drill",
  "inputs": [
   {
    "name": "drill",
    "type": "uint256"
   }
  ],
  "outputs": [
   {
    "name": "",
    "type": "tuple",
    "components": [
     {
      "name": "oracle",
      "type": "uint256"
     },
     {
      "name": "tariff",
      "type": "uint256"
     },
     {
      "name": "rental",
      "type": "uint256"
     },
     {
      "name": "retired",
      "type": "bool"
     }
    ]
   }
  ]
 },
 {
  "stateMutability": "view",
  "type": "function",
  "name": "oracle",
  "inputs": [
   {
    "name": "oracle",
    "type": "uint256"
   }
  ],
  "outputs": [
   {
    "name": "",
    "type": "tuple",
    "components": [
     {
      "name": "key",
      "type": "address"
     },
     {
      "name": "epoch",
      "type": "uint256"
     },
     {
      "name": "revoked",
      "type": "bool"
     },
     {
      "name": "suspended",
      "type": "bool"
     },
     {
      "name": "is_p256",
      "type": "bool"
     }
    ]
   }
  ]
 },
 {
  "stateMutability": "view",
  "type": "function",
  "name": "signing_key",
  "inputs": [
   {
    "name": "key",
    "type": "address"
   }
  ],
  "outputs": [
   {
    "name": "",
    "type": "tuple",
    "components": [
     {
      "name": "oracle",
      "type": "uint256"
     },
     {
      "name": "since",
      "type": "uint256"
     },
     {
      "name": "until",
      "type": "uint256"
     },
     {
      "name": "penalised",
      "type": "bool"
     },
     {
      "name": "is_p256",
      "type": "bool"
     }
    ]
   }
  ]
 },
 {
  "stateMutability": "view",
  "type": "function",
  "name": "forwarder",
  "inputs": [],
  "outputs": [
   {
    "name": "",
    "type": "address"
   }
  ]
 },
 {
  "stateMutability": "view",
  "type": "function",
  "name": "isTrustedForwarder",
  "inputs": [
   {
    "name": "forwarder",
    "type": "address"
   }
  ],
  "outputs": [
   {
    "name": "",
    "type": "bool"
   }
  ]
 }
] as const
