"""Between a drill's serial line and the broker: `drill-bridge`.

    port -> link -> session -> bridge -> spool -> publisher -> (host.mqtt_client)

Leases and clock come the other way, through `hearing`. `history` tells events from the states that
a controller reports, `witness` is strict mode, in which a lease is believed only with a proof, and
`rpc` asks its endpoints. `spool_versions` brings a spool of a former release along. `service` is
the process around it all, `check` looks at what it needs.
"""
