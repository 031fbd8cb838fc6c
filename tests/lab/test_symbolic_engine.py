"""The repairs of halmos, in its own environment: terms are rewritten to equal ones only."""

from __future__ import annotations

import subprocess

import pytest

from lab.symbolic.prove import ENGINE
from lab.symbolic.tools import Tools, find_tools

pytestmark = pytest.mark.campaign  # whose environment it needs

HEAD = """
import z3
import engine
from halmos.bitvec import HalmosBitVec
from halmos.sevm import f_div, f_mul

HalmosBitVec.mul = engine.multiply
HalmosBitVec.bitwise_xor = engine.exclusive_or
a, b, c = (HalmosBitVec(z3.BitVec(name, 256)) for name in "abc")
less = HalmosBitVec(a.ult(b), size=256)

def equal(x, y):
    solver = z3.Solver()
    solver.add(x != y)
    return solver.check() == z3.unsat

def possible(condition):
    solver = z3.Solver()
    solver.add(condition)
    return solver.check() == z3.sat
"""


@pytest.fixture(scope="module")
def tools() -> Tools:
    return find_tools()


def run(tools: Tools, script: str) -> None:
    done = subprocess.run(
        [str(tools.python), "-c", HEAD + script],
        cwd=ENGINE.parent,
        capture_output=True,
        text=True,
        timeout=300,
        check=False,
    )
    assert done.returncode == 0, done.stderr


def test_exclusive_or__minimum_as_vyper_has_it__is_a_choice(tools: Tools) -> None:
    run(
        tools,
        """
for least in (b.bitwise_xor(a.bitwise_xor(b).mul(less)), less.mul(b.bitwise_xor(a)).bitwise_xor(b)):
    assert z3.eq(least.value, z3.If(z3.ULE(b.value, a.value), b.value, a.value)), least.value
    assert equal(least.value, z3.If(z3.ULT(a.value, b.value), a.value, b.value))
""",
    )


def test_exclusive_or__another_word__is_not_mistaken_for_a_minimum(tools: Tools) -> None:
    run(
        tools,
        """
other = c.bitwise_xor(a.bitwise_xor(b).mul(less)).value
true = c.value ^ z3.If(z3.ULT(a.value, b.value), a.value ^ b.value, 0)
assert equal(other, true)
assert not equal(other, z3.If(z3.ULT(a.value, b.value), a.value, b.value))
""",
    )


def test_multiply__an_unknown_bit__is_a_choice_and_other_factors_are_not(tools: Tools) -> None:
    run(
        tools,
        """
assert equal(less.mul(c).value, z3.If(z3.ULT(a.value, b.value), c.value, 0))
one, two = a.mul(b, abstraction=f_mul[256]), b.mul(a, abstraction=f_mul[256])
assert z3.eq(one.value, two.value) and one.value.decl().name() == "f_evm_bvmul_256"
""",
    )


def test_rough__products_and_quotients__may_be_anything_but_themselves(tools: Tools) -> None:
    run(
        tools,
        """
product, quotient = f_mul[256](a.value, b.value), f_div(f_mul[256](a.value, b.value), c.value)
assert not possible(engine._terms.rough(product != product))
assert possible(engine._terms.rough(z3.And(product == 1, quotient == 5)))
assert possible(engine._terms.rough(z3.And(a.value == a.value, product != quotient)))
assert not possible(engine._terms.rough(z3.And(a.value == 0, a.value != 0, product == 1)))
""",
    )


def test_with_small_numbers__products_and_quotients__are_true_ones(tools: Tools) -> None:
    run(
        tools,
        """
def asked(*conditions):
    text = engine.text_of([*conditions, engine._terms.all_small(list(conditions))],
                          [str(i) for i in range(len(conditions))] + [engine.SMALL])
    named = "".join(f"(assert |{i}|)" for i in range(len(conditions)))
    solver = z3.Solver()
    solver.from_string(engine.with_small_numbers(text) + named)
    return solver.check() == z3.sat

product, quotient = f_mul[256](a.value, b.value), f_div(c.value, b.value)
assert asked(a.value == 7, b.value == 6, product == 42)
assert not asked(a.value == 7, b.value == 6, product == 43)
assert not asked(a.value == 1 << 24, product == 0)
assert asked(c.value == 1 << 47, b.value == 3, quotient == (1 << 47) // 3)
assert asked(b.value == 0, quotient == 0) and not asked(b.value == 0, quotient == 1)
""",
    )
