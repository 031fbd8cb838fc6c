"""The mutants: what universalmutator's rules make of the sources, without what changes nothing.

A mutant replaces one line of one source. Its *key* is a hash of the file, the line and what the
line becomes. Dropped here, before anything is compiled: what changes only comments, docstrings,
pragmas and layout (the tokens of the program are the same), what is the same program as an earlier
mutant, and what Vyper cannot parse.
"""

from __future__ import annotations

import ast
import contextlib
import io
import json
import os
import random
import re
import tokenize
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from hashlib import sha256
from importlib.metadata import version
from pathlib import Path

RULES = ("universal.rules", "vyper.rules", "python.rules", "solidity.rules")
"""Those that universalmutator takes for a Vyper source."""

Token = tuple[int, str]

_QUOTES = '"""'
_LAYOUT = (tokenize.NEWLINE, tokenize.INDENT, tokenize.DEDENT)
_SIZED = re.compile(r"(?:u?int|bytes)[0-9]*")
_TYPES = {f"{kind}{bits}" for kind in ("int", "uint") for bits in range(8, 257, 8)}
_TYPES |= {f"bytes{size}" for size in range(1, 33)}
_DEFINITION = re.compile(r"(?:def|event|struct|interface|flag)\s+(\w+)")


@dataclass(frozen=True, slots=True)
class Mutant:
    """One line of one source replaced: `line` counts from 1, `becomes` may hold two lines."""

    file: str
    line: int
    was: str
    becomes: str
    function: str

    @property
    def key(self) -> str:
        """What a verdict is kept under."""
        text = f"{self.file}\0{self.line}\0{self.was}\0{self.becomes}"
        return sha256(text.encode()).hexdigest()[:24]

    @property
    def name(self) -> str:
        """What people call it, and an explanation refers to: no line number, so that it lasts."""
        becomes = " \\n ".join(part.strip() for part in self.becomes.splitlines())
        return f"{self.file}: {self.function}: {self.was.strip()} => {becomes}"

    def applied(self, source: str) -> str:
        """The source with the line replaced."""
        lines = source.splitlines(keepends=True)
        return "".join((*lines[: self.line - 1], self.becomes, *lines[self.line :]))


@dataclass(frozen=True, slots=True)
class Candidates:
    """The mutants of all sources that Vyper can parse, and how many raw ones there were by file."""

    raw: dict[str, int]
    mutants: tuple[Mutant, ...]


def candidates(sources: Mapping[str, str], folder: Path) -> Candidates:
    """The mutants of these sources (text by file name); `folder` keeps those of each file."""
    raw: dict[str, int] = {}
    mutants: list[Mutant] = []
    folder.mkdir(parents=True, exist_ok=True)
    for file, source in sorted(sources.items()):
        name = sha256("\0".join((file, source, version("universalmutator"))).encode()).hexdigest()
        kept = folder / f"mutants-{name[:24]}.json"
        if not kept.exists():
            made = list(_raw(file, source))
            text = json.dumps([len(made), [asdict(m) for m in different(source, made)]])
            draft = kept.with_suffix(f".{os.getpid()}")
            draft.write_text(text, "ascii")
            draft.replace(kept)
        raw[file], those = json.loads(kept.read_text("ascii"))
        mutants += (Mutant(**each) for each in those)
    return Candidates(raw, tuple(mutants))


def _raw(file: str, source: str) -> Iterator[Mutant]:
    """What the rules make of a source; changes inside strings are left out, as by the tool."""
    from universalmutator import mutator  # noqa: PLC0415

    lines = source.splitlines(keepends=True)
    with contextlib.redirect_stdout(io.StringIO()):
        made = mutator.mutants_regexp(
            lines, ruleFiles=list(RULES), ignorePatterns=[], ignoreStringOnly=True
        )
    where = enclosing(lines)
    for line, becomes, *_ in made:
        yield Mutant(file, line, lines[line - 1], becomes, where[line - 1])


def enclosing(lines: Sequence[str]) -> list[str]:
    """The name of the definition that each line belongs to; "" outside of any."""
    names = []
    name = ""
    for number, line in enumerate(lines):
        if line[:1].strip() and not line.startswith((")", "]", "}", "#")):
            # A decorator belongs to what it decorates.
            rest = (x for x in lines[number:] if not x.startswith("@"))
            found = _DEFINITION.match(next(rest, ""))
            name = found[1] if found else ""
        names.append(name)
    return names


def different(source: str, raw: Sequence[Mutant]) -> Iterator[Mutant]:
    """Those that are programs of their own and that Vyper can parse.

    Only the statement (mostly a function) around the line is looked at, for speed.
    """
    idle = _idle_lines(source)
    lines = source.splitlines(keepends=True)
    around = _statements(source)
    seen = {(first, tokens("".join(lines[first:last]))) for first, last in set(around.values())}
    seen.add((0, tokens(source)))
    for mutant in raw:
        if mutant.line in idle and _still_idle(mutant):
            continue
        first, last = around.get(mutant.line, (0, len(lines)))
        text = "".join(
            (*lines[first : mutant.line - 1], mutant.becomes, *lines[mutant.line : last])
        )
        try:
            program = tokens(text)
        except (tokenize.TokenError, IndentationError):
            continue
        if (first, program) not in seen:
            seen.add((first, program))
            if not _invented_types(program) and parses(text, mutant.file):
                yield mutant


def _statements(source: str) -> dict[int, tuple[int, int]]:
    """For each line, counted from 1, the outermost statement that it is in, as a slice of lines."""
    from vyper.ast.pre_parser import PreParser  # noqa: PLC0415 - the compiler is slow to import

    parser = PreParser(is_interface=False)
    parser.parse(source)
    around = {}
    for node in ast.parse(parser.reformatted_code).body:
        decorators = getattr(node, "decorator_list", [])
        first = min((node.lineno, *(each.lineno for each in decorators)))
        last = node.end_lineno or first
        around.update(dict.fromkeys(range(first, last + 1), (first - 1, last)))
    return around


def _idle_lines(source: str) -> set[int]:
    """The lines that hold a comment alone, or the inside of a docstring."""
    idle = set()
    for token in tokenize.generate_tokens(io.StringIO(source).readline):
        (first, column), (last, _) = token.start, token.end
        if token.type == tokenize.COMMENT and not token.line[:column].strip():
            idle.add(first)
        elif token.type == tokenize.STRING and token.string.startswith(_QUOTES):
            idle.update(range(first + 1, last))
    return idle


def _still_idle(mutant: Mutant) -> bool:
    """Whether an idle line stays one; an unfinished string would be another matter."""
    if mutant.was.lstrip().startswith("#"):
        return all(part.lstrip().startswith("#") for part in mutant.becomes.splitlines())
    return _QUOTES not in mutant.becomes and not mutant.becomes.rstrip("\n").endswith("\\")


def tokens(source: str) -> tuple[Token, ...]:
    """A program without comments, docstrings and layout."""
    found = [
        (token.type, "" if token.type in _LAYOUT else token.string)
        for token in tokenize.generate_tokens(io.StringIO(source).readline)
        if token.type not in (tokenize.COMMENT, tokenize.NL)
    ]
    return tuple(
        token
        for i, token in enumerate(found)
        if not (
            token[0] == tokenize.STRING
            and (i == 0 or found[i - 1][0] in _LAYOUT)
            and found[i + 1][0] == tokenize.NEWLINE
        )
    )


def _invented_types(program: Sequence[Token]) -> bool:
    """Whether a number in the name of a type makes it one that there is not, such as uint257."""
    names = {text for kind, text in program if kind == tokenize.NAME and _SIZED.fullmatch(text)}
    return not names <= _TYPES


def parses(source: str, file: str) -> bool:
    """Whether Vyper's parser gets through the source; the cheap part of compiling it."""
    from vyper.ast.pre_parser import PreParser  # noqa: PLC0415 - the compiler is slow to import
    from vyper.exceptions import VyperException  # noqa: PLC0415

    parser = PreParser(file.endswith(".vyi"))
    try:
        parser.parse(source)
        ast.parse(parser.reformatted_code)
    except (VyperException, SyntaxError, ValueError, tokenize.TokenError):
        return False
    return True


def shuffled(mutants: Sequence[Mutant], seed: int) -> list[Mutant]:
    """All in a random order, so that what has been done of it is a random sample."""
    mixed = list(mutants)
    random.Random(seed).shuffle(mixed)  # noqa: S311 - nothing is secret here
    return mixed


def sample(mutants: Sequence[Mutant], size: int, seed: int) -> list[Mutant]:
    """A random sample, each file with its share (largest remainders first)."""
    if size >= len(mutants):
        return shuffled(mutants, seed)
    by_file: dict[str, list[Mutant]] = {}
    for mutant in shuffled(mutants, seed):
        by_file.setdefault(mutant.file, []).append(mutant)
    shares = {file: size * len(those) / len(mutants) for file, those in by_file.items()}
    sizes = {file: int(share) for file, share in shares.items()}
    for file in sorted(shares, key=lambda f: sizes[f] - shares[f])[: size - sum(sizes.values())]:
        sizes[file] += 1
    chosen = [mutant for file, those in by_file.items() for mutant in those[: sizes[file]]]
    return shuffled(chosen, seed)
