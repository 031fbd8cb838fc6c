"""Symbolic checks of DrillMeter's compiled bytecode with halmos; docs/symbolic.md says what of.

    build (tools) -> prove -> engine (halmos, in an environment of its own) -> a verdict a check

`breaks` are bugs to plant, each of which the check that it names must find; `quick` names the
checks that take seconds.
"""
