"""A drill to try everything on: `drill-controller`, at the end of a pseudo-terminal.

    spindle -> drill -> controller -> firmware -> uplink -> (serial line)

`controller` is the specification of a real one as a pure state machine; `memory` is what it keeps
without power, `clock` its time. `trace` and `trace_file` replay a recorded machine. `simulator` is
the process, `operator_socket` the operator's hands.
"""
