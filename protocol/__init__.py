"""What all sides of Smart Drill share: bytes, JSON and words of storage in, immutable values out,
and back.

    sample, sample_row, records, meter_word, tariff     what is metered, and what it costs
    merkle, publication                     the sample log, and where it is published
    typed_data, leases, sealing, messages   what is signed, and what goes over the broker
    headers, receipt_trie, state_proof, storage, quorum, answers -> lease_proof     the chain
    deployment, abi, serial                 which contract, its interface; the serial line

Everything here is pure: no socket, no clock, and no file but the interface that is installed with
it. A number carries its unit in its name; money is an integer count of the asset's smallest unit
(wei for a native coin).
"""
