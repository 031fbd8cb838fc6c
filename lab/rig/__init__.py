"""The rig: a local chain, brokers and processes for the demo, the benchmarks and the tests.

    process -> services, drill, page -> world -> story -> summary, view    the demo (`demo`)
    contract -> yard (drilling, publishing) -> history       histories without processes
    vectors (*_vectors, rfc6962), page_sources -> generate   what is derived and committed

`plan` is what the demo is set up with, `bill`, `ledger` and `listener` are eyes of its own, `audit`
its last act. `web_demo` and `page_world` add the page, `box_files` and `box_keys` what an oracle is
started with; `soft_token` and `tpm` hold keys as hardware does.
"""
