"""The page's small endpoint, `drill-http`: read-only, without keys, and a process of its own.

    (broker) -> feed -> board -> app -> guard -> listen -> (browsers)
    (node)   -> rentals -> app

`board` keeps the newest of what each drill and oracle say, `rentals` an index of who opened which
rental, `answers` the form of each answer. `guard` stands before all of them. `check` looks at what
`run` needs, `cli` is the command line.
"""
