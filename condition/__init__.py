"""How a drill is: what its samples tell of bit and bearings, beside the metering.

    journal -> moment -> stroke, finder, holes -> jobs (trend) -> remaining -> tickets
                      -> idle -> tickets;   life (sheet) -> tickets
    drill       all of it for one drill, a sample at a time, with a state that can be put away
    book        where states are put away
    cli         `drill-condition`

Nothing here touches a bill. The journal is only read, and what is found is an opinion with an
interval, or that the evidence is not enough.
"""
