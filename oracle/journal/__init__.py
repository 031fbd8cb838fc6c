"""What the oracle may not forget, in one database: samples, checkpoints, what was signed and sent.

`engine` and `lock` lead to it, `upgrade` brings one of a former release along the steps in
`versions`, `store` opens it, `tables` is its form, `rows` and `sample_rows` go between values and
rows.
`journal` is the edge side's part of it, `chain_journal` the chain side's; `signed` and `heights`
guard that nothing signed contradicts what was signed before. `backup` copies it beside a running
oracle.
"""
