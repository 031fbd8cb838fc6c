"""Symbolic checks of DrillMeter's compiled bytecode with halmos; docs/symbolic.md says what of."""
