"""The rig: a local chain, brokers and processes for the demo, the benchmarks and the tests."""
