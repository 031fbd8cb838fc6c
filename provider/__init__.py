"""The provider's side: what is deployed, the files of a box, and the commands on the contract.

    plan -> rehearsal -> deployment -> verification          `ape run deploy`
    plan -> box (box_*) -> a folder to copy                  `scripts/box`
    cli -> desk -> sending -> (contract);   overview         `drill-provider`
    cli_relay -> relay                                       `drill-provider relay`

All ask the chain through `node`, `meter` and `token`, and sign with `wallet`; `amounts` reads money
as people write it, and `known_keys` are refused. It uses `protocol`,
`host` and, for the relay's transactions, `chain`.
"""
