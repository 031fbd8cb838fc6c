"""halmos with five repairs. Run by the Python of halmos' own environment.

Products. halmos puts an uninterpreted function in the place of every product of two unknowns, and
tells the solver what a product is only when the first answer is a counterexample. Vyper compiles
min(a, b) to b ^ ((a ^ b) * (a < b)), so every minimum would count as a product of unknowns. A
product with an unknown that is 0 or 1 is a choice, and is written as one here, and so is the
minimum: b ^ (a ^ b) is a. Factors are put in one order.

Branches. halmos gives z3 a millisecond to rule out a branch. On a busy machine that passes before
z3 has begun, and paths that cannot be are followed, and more paths from them. What z3 may spend is
counted here in its own units, which are the same on every machine.

Questions. Each one is first put roughly: with an unknown in the place of every product and quotient
of unknowns, of which then nothing is known, and without the facts about hashes (that they are
injective and not small). What holds of any value holds of the true one, and fewer assumptions prove
no less. Only when that does not settle it, products become functions of their factors, and then the
facts about hashes are added.

Counterexamples. When products as uninterpreted functions leave one, it is looked for with true
products of numbers below 2^24 first, since solvers that work on bits hardly ever find larger ones.
One that is found is one; when there is none, halmos goes on to look among all numbers.

Cores. With --cache-solver halmos remembers sets of conditions that exclude each other by z3's
numbers for them, which z3 uses again when a condition is freed. So none is freed.
"""

# mypy: disable-error-code="import-not-found"
from __future__ import annotations

import re
import sys
from dataclasses import dataclass, replace
from typing import Any

import halmos.__main__
import halmos.solve
import z3
from halmos.bitvec import HalmosBitVec
from halmos.sevm import Path, SMTQuery
from halmos.utils import create_solver

ASSERTION = re.compile(r"^\(assert\n", re.MULTILINE)
HASH_FACT = re.compile(
    r"f_inv_sha3|\(not \(= \(f_sha3_\w+ [^\n]*\(_ bv0 256\)\)|bvule \?x\d+ \(_ bv1157920892"
)
SMALL_FACT = re.compile(r"\bsmall_numbers\b")
FUNCTION = re.compile(
    r"\(declare-fun (?P<name>f_evm_(?P<operation>bvmul|bvudiv|bvurem)_(?P<width>\d+)) [^\n]*\)$",
    re.MULTILINE,
)
BRANCHING_EFFORT = 20_000
"""What z3 may spend on a branch, about a millisecond's worth of an idle machine."""

BRANCHING_TIMEOUT_MS = 60_000
"""Longer than that effort takes anywhere."""

SMALL = "small_numbers"
"""Names the assertion that all factors are small, which is asked for only when looking for them."""

FACTOR_BITS = 24
PRODUCT_BITS = 2 * FACTOR_BITS

_multiply = HalmosBitVec.mul
_exclusive_or = HalmosBitVec.bitwise_xor
_make_solver = halmos.__main__.mk_solver
_solve = halmos.solve.solve_low_level


@dataclass(frozen=True)
class Question(SMTQuery):  # type: ignore[misc]
    """Whether a path's conditions can hold; `rough` asks it of unknown products and quotients."""

    rough: str


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
            product = HalmosBitVec(z3.If(condition, factor.as_z3(), nothing), size=factor.size)
            if product.is_symbolic and factor.is_symbolic:
                _choices.note(product, (condition, factor))
            return product
    if self.is_symbolic and other.is_symbolic and self.value.get_id() > other.value.get_id():
        # x * y and y * x are the same term.
        self, other = other, self
    return _multiply(self, other, abstraction=abstraction)


def exclusive_or(self: Any, other: Any) -> Any:
    """a ^ b; and b ^ ((a ^ b) or 0) as a choice between a and b."""
    for chosen, word in ((self, other), (other, self)):
        condition, difference = _choices.of(chosen) or (None, None)
        for one, two in _differences.of(difference) or ():
            if same(word, one):
                return HalmosBitVec(z3.If(condition, two.as_z3(), one.as_z3()), size=word.size)
    result = _exclusive_or(self, other)
    if result.is_symbolic:
        _differences.note(result, ((self, other), (other, self)))
    return result


def same(a: Any, b: Any) -> bool:
    """Whether two values are the same number or the same term."""
    if a.is_symbolic or b.is_symbolic:
        return a.is_symbolic and b.is_symbolic and bool(z3.eq(a.value, b.value))
    return bool(a.value == b.value)


class Origins:
    """What terms were made of; it keeps the terms, because z3 gives a number that is free again."""

    def __init__(self) -> None:
        self._found: dict[int, tuple[Any, Any]] = {}

    def note(self, value: Any, origin: Any) -> None:
        """Remember what a symbolic value was made of."""
        self._found[value.value.get_id()] = (value, origin)

    def of(self, value: Any) -> Any:
        """What was remembered of this value, or None."""
        if value is None or not value.is_symbolic:
            return None
        return self._found.get(value.value.get_id(), (None, None))[1]


_choices = Origins()
_differences = Origins()


class ConditionTerms:
    """What was found out about the conditions of a check; it keeps them, and so their numbers."""

    def __init__(self) -> None:
        self._kept: dict[int, Any] = {}
        self._outermost: dict[int, tuple[Any, ...]] = {}
        self._rough: dict[int, Any] = {}

    def outermost(self, term: Any) -> tuple[Any, ...]:
        """The products and quotients in `term` that are not in another one."""
        number = term.get_id()
        if number not in self._outermost:
            self._kept[number] = term
            if term.decl().name().startswith("f_evm_"):
                found: tuple[Any, ...] = (term,)
            else:
                inside = {t.get_id(): t for c in term.children() for t in self.outermost(c)}
                found = tuple(inside.values())
            self._outermost[number] = found
        return self._outermost[number]

    def rough(self, condition: Any) -> Any:
        """The condition with an unknown for each product and quotient."""
        number = condition.get_id()
        if number not in self._rough:
            pairs = [
                (term, z3.Const(f"rough_{term.get_id()}", term.sort()))
                for term in self.outermost(condition)
            ]
            self._rough[number] = z3.substitute(condition, pairs)
        return self._rough[number]

    def all_small(self, conditions: list[Any]) -> Any:
        """That every factor in the conditions is small, and every dividend small as a product."""
        waiting = [term for condition in conditions for term in self.outermost(condition)]
        seen: set[int] = set()
        facts = []
        while waiting:
            term = waiting.pop()
            if term.get_id() not in seen:
                seen.add(term.get_id())
                first, second = term.children()
                bits = FACTOR_BITS if "bvmul" in term.decl().name() else PRODUCT_BITS
                facts += [z3.ULT(first, 1 << bits), z3.ULT(second, 1 << FACTOR_BITS)]
                waiting += [inner for child in (first, second) for inner in self.outermost(child)]
        return z3.And(facts)


_terms = ConditionTerms()


def to_smt2(self: Any, _args: Any) -> Question:
    """A path's question. All its conditions are named, as --cache-solver wants them."""
    conditions = list(self.conditions)
    names = [str(condition.get_id()) for condition in conditions]
    rough = [_terms.rough(condition) for condition in conditions]
    small = _terms.all_small(conditions)
    return Question(
        smtlib=text_of([*conditions, small], [*names, SMALL]),
        assertions=names,
        rough=text_of(rough, names),
    )


def text_of(conditions: list[Any], names: list[str]) -> str:
    """The conditions in SMT-LIB, each implied by its name."""
    solver = create_solver(ctx=z3.Context())
    for condition, name in zip(conditions, names, strict=True):
        solver.assert_and_track(condition.translate(solver.ctx), name)
    return str(solver.to_smt2()).replace("(check-sat)", "")


def without(pattern: re.Pattern[str], smtlib: str) -> str:
    """A question without the assertions that have this in them."""
    head, *assertions = ASSERTION.split(smtlib)
    kept = [text for text in assertions if not pattern.search(text)]
    return head + "".join(f"(assert\n{text}" for text in kept)


def with_small_numbers(smtlib: str) -> str:
    """A question with true products and quotients, of numbers that are small by assumption."""

    def true_function(match: re.Match[str]) -> str:
        name, operation, width = match.group("name", "operation", "width")
        bits = PRODUCT_BITS

        def low(x: str) -> str:
            return f"((_ extract {bits - 1} 0) {x})"

        result = f"((_ zero_extend {int(width) - bits}) ({operation} {low('x')} {low('y')}))"
        if operation != "bvmul":
            zero = f"(_ bv0 {width})"
            result = f"(ite (= y {zero}) {zero} {result})"
        sort = f"(_ BitVec {width})"
        return f"(define-fun {name} ((x {sort}) (y {sort})) {sort} {result})"

    return f"{FUNCTION.sub(true_function, smtlib)}\n(assert {SMALL})\n"


def solve(question: Any) -> Any:
    """Ask roughly, then with functions for products, then with the facts about hashes."""
    query = question.query
    texts = [query.rough] if isinstance(query, Question) else []
    plain = without(SMALL_FACT, query.smtlib)
    for text in (*texts, plain):
        answer = _solve(put(question, without(HASH_FACT, text)))
        if answer.result == z3.unsat:
            return answer
    answer = _solve(put(question, plain))
    settled = answer.result == z3.unsat or (answer.model is not None and answer.model.is_valid)
    if settled or not isinstance(query, Question):
        return answer
    found = _solve(put(question, with_small_numbers(query.smtlib)))
    return found if found.result == z3.sat else answer


def make_solver(*args: Any, **kwargs: Any) -> Any:
    """The solver that rules out branches, limited by effort and not by time."""
    solver = _make_solver(*args, **kwargs)
    solver.set(rlimit=BRANCHING_EFFORT, timeout=BRANCHING_TIMEOUT_MS)
    return solver


def put(question: Any, smtlib: str) -> Any:
    """The question with this text."""
    return replace(question, query=SMTQuery(smtlib, question.query.assertions))


if __name__ == "__main__":
    HalmosBitVec.mul = multiply
    HalmosBitVec.bitwise_xor = exclusive_or
    Path.to_smt2 = to_smt2
    halmos.__main__.mk_solver = make_solver
    halmos.solve.solve_low_level = solve
    halmos.__main__.solve_low_level = solve
    sys.exit(halmos.__main__.main())
