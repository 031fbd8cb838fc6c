"""halmos with three repairs. Run by the Python of halmos' own environment.

Products. halmos puts an uninterpreted function in the place of every product of two unknowns, and
tells the solver what a product is only when the first answer is a counterexample. Vyper compiles
min(a, b) to b ^ ((a ^ b) * (a < b)), so every minimum would count as a product of unknowns. A
product with an unknown that is 0 or 1 is a choice, and is written as one here. Factors are put in
one order.

Questions. Each one is first put without the facts about hashes (that they are injective and not
small), and with them only when that does not settle it: fewer assumptions prove no less.

Cores. With --cache-solver halmos remembers sets of conditions that exclude each other by z3's
numbers for them, which z3 uses again when a condition is freed. So none is freed.
"""

# mypy: disable-error-code="import-not-found"
from __future__ import annotations

import re
import sys
from dataclasses import replace
from typing import Any

import halmos.__main__
import halmos.solve
import z3
from halmos.bitvec import HalmosBitVec
from halmos.sevm import Path

ASSERTION = re.compile(r"^\(assert\n", re.MULTILINE)
HASH_FACT = re.compile(
    r"f_inv_sha3|\(not \(= \(f_sha3_\w+ [^\n]*\(_ bv0 256\)\)|bvule \?x\d+ \(_ bv1157920892"
)

_multiply = HalmosBitVec.mul
_solve = halmos.solve.solve_low_level
_to_smt2 = Path.to_smt2
_kept: list[Any] = []


def bit_condition(value: Any) -> Any:
    """The condition under which a term of the form If(condition, 1, 0) is 1; None for others."""
    if not z3.is_app_of(value, z3.Z3_OP_ITE):
        return None
    condition, then, otherwise = value.children()
    if z3.is_bv_value(then) and z3.is_bv_value(otherwise):
        if (then.as_long(), otherwise.as_long()) == (1, 0):
            return condition
        if (then.as_long(), otherwise.as_long()) == (0, 1):
            return z3.Not(condition)
    return None


def multiply(self: Any, other: Any, *, abstraction: Any = None) -> Any:
    """A product; of an unknown bit and anything, a choice."""
    for bit, factor in ((self, other), (other, self)):
        if bit.is_symbolic and (condition := bit_condition(bit.as_z3())) is not None:
            nothing = z3.BitVecVal(0, factor.size)
            return HalmosBitVec(z3.If(condition, factor.as_z3(), nothing), size=factor.size)
    if self.is_symbolic and other.is_symbolic and self.value.get_id() > other.value.get_id():
        # x * y and y * x are the same term.
        self, other = other, self
    return _multiply(self, other, abstraction=abstraction)


def without_hash_facts(smtlib: str) -> str:
    """A question without its assertions about hashes."""
    head, *assertions = ASSERTION.split(smtlib)
    kept = [text for text in assertions if not HASH_FACT.search(text)]
    return head + "".join(f"(assert\n{text}" for text in kept)


def solve(question: Any) -> Any:
    """Ask without the facts about hashes, then with them."""
    query = replace(question.query, smtlib=without_hash_facts(question.query.smtlib))
    answer = _solve(replace(question, query=query))
    return answer if answer.result == z3.unsat else _solve(question)


def to_smt2(self: Any, args: Any) -> Any:
    """A path's question, whose conditions are kept for as long as the check runs."""
    _kept.append(list(self.conditions))
    return _to_smt2(self, args)


if __name__ == "__main__":
    HalmosBitVec.mul = multiply
    Path.to_smt2 = to_smt2
    halmos.solve.solve_low_level = solve
    halmos.__main__.solve_low_level = solve
    sys.exit(halmos.__main__.main())
