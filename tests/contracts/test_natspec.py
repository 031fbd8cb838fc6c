"""Every function and every stored or constant name of the contracts is documented as NatSpec."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from vyper import ast as vy_ast
from vyper.ast.parse import parse_to_ast

from lab.rig.contract import SOURCES

FILES = sorted(SOURCES.rglob("*.vy"))
_TAGS = re.compile(r"^@(\w+)(?: +(\S.*))?$")

_SENTENCE = re.compile(r"[A-Z`].*\.")
"""Tools show each parameter alone, so its text has to stand alone."""


def named(path: Path) -> str:
    return path.relative_to(SOURCES).as_posix()


def tags_of(docstring: str) -> dict[str, list[str]]:
    """The texts of each tag, in their order; a line without one goes on with the last."""
    found: dict[str, list[str]] = {}
    last: list[str] = []
    for line in docstring.strip().splitlines():
        tag = _TAGS.match(line.strip())
        if tag is None:
            assert last, f"text before the first tag: {line}"
            last[-1] += " " + line.strip()
            continue
        last = found.setdefault(tag[1], [])
        last.append(tag[2] or "")
    return found


def faults_of(function: vy_ast.FunctionDef) -> list[str]:
    """What the description of a function lacks, or says of parameters that it has not."""
    described_by = getattr(function, "doc_string", None)
    if described_by is None:
        return ["no description"]
    tags = tags_of(described_by.value)
    kinds = {decorator.id for decorator in function.decorator_list}
    faults = []
    if kinds & {"external"} and "notice" not in tags:
        faults.append("no @notice for who calls it")
    if not tags.keys() & {"dev", "notice"}:
        faults.append("neither @dev nor @notice")
    described = dict(text.partition(" ")[::2] for text in tags.get("param", []))
    if list(described) != [arg.arg for arg in function.args.args]:
        faults.append(f"its @param are {list(described)}")
    faults += [f"nothing about {name}" for name, text in described.items() if not text]
    faults += [
        f"{name} is described by a part of a sentence: {text}"
        for name, text in described.items()
        if text and not _SENTENCE.fullmatch(text)
    ]
    if (function.returns is not None) != ("return" in tags):
        faults.append("a result without @return, or @return without one")
    faults += [f"an empty @{tag}" for tag, texts in tags.items() if "" in texts]
    return faults


@pytest.mark.parametrize("path", FILES, ids=named)
def test_functions__of_every_source__say_what_each_parameter_and_result_is(path: Path) -> None:
    functions = parse_to_ast(path.read_text("ascii")).get_children(vy_ast.FunctionDef)

    faults = {function.name: faults_of(function) for function in functions}

    assert faults or path.name in {"lens_code.vy", "forwarder_code.vy"}, (
        "a source without functions"
    )
    assert {name: found for name, found in faults.items() if found} == {}


@pytest.mark.parametrize("path", FILES, ids=named)
def test_variables__of_every_source__have_a_dev_comment_of_their_own(path: Path) -> None:
    text = path.read_text("ascii")
    lines = text.splitlines()
    bare = []
    for variable in parse_to_ast(text).get_children(vy_ast.VariableDecl):
        above = variable.lineno - 2
        while lines[above].startswith("# ") and not lines[above].startswith("# @dev "):
            above -= 1
        if not lines[above].startswith("# @dev "):
            bare.append(variable.target.id)
    assert bare == []


def test_faults_of__a_parameter_or_result_that_is_not_described__are_found() -> None:
    source = '''
@internal
def _f(a: uint256, b: uint256) -> uint256:
    """
    @dev Adds.
    @param a and another,
    """
    return a + b


@external
def g():
    pass
'''
    first, second = parse_to_ast(source).get_children(vy_ast.FunctionDef)
    assert faults_of(first) == [
        "its @param are ['a']",
        "a is described by a part of a sentence: and another,",
        "a result without @return, or @return without one",
    ]
    assert faults_of(second) == ["no description"]
