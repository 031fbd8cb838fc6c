"""Between a drill's serial line and the broker: `drill-bridge`.

    port -> link -> session -> bridge -> spool -> publisher -> (host.mqtt_client)

`witness` is strict mode: leases are believed with a proof only. `service` is the process around it
all.
"""
