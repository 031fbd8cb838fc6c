"""The drill's side: controller, serial link, bridge to MQTT, and a simulated drill to try them on.

Pure, time and bytes in, values out: `frames`, `payloads`, `controller`, `clock`, `spindle`,
`trace`, `drill`, `uplink` and `firmware` at the controller, `session` and `publisher` at the edge
box. Channels: `memory`, `operator_socket`, `port`, `link`, `spool`, `broker`. The processes:
`simulator` and `bridge`, started from `cli`.
"""
