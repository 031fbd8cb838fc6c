"""Where each drill is, `drill-position`: inside its fence or not, and the exact place only where
there is a ground for it, to whoever says who looks and why.

    (serial line) -> nmea -> receivers -> fix;   (gpsd) -> gpsd -> receivers
    fix -> watch -> follower -> records, places
    cli, cli_record -> desk -> records, places;   cli -> (host.theft_reports) -> (oracle)

`geodesy` measures, `fence` says how far outside a place is, `watch` decides; all three are pure.
`places` is the one file with coordinates in it, `records` the one without. `looking` says who may
look, `status` how it is said where a drill is, `privacy` what is exported and erased.
"""
