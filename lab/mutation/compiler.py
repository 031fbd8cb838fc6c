"""Compiling thousands of nearly equal programs: each in a fork that starts where the others do.

The original is compiled once, with the optimiser off. A mutant whose changed line is inside the
body of a function is then compiled with everything remembered that cannot depend on that body: the
syntax trees of the other files, and the code of each function whose own calls, and the memory
these need, came out as before. The analysis, where errors are found, is always done in full.
`whole` compiles without any of that; the two must agree (the tests compare them).

The code that is compared has no metadata, so it is equal exactly when the program is.
"""

from __future__ import annotations

import re
import sysconfig
import warnings
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, replace
from functools import cached_property
from hashlib import sha256
from pathlib import Path
from typing import Any

from vyper.codegen import module as codegen
from vyper.codegen.function_definitions import common
from vyper.compiler import phases
from vyper.compiler.input_bundle import FileInput, FilesystemInputBundle
from vyper.compiler.output import build_abi_output
from vyper.compiler.settings import OptimizationLevel, Settings, anchor_settings
from vyper.semantics.analysis import imports

from lab.mutation.mutants import Mutant
from lab.rig.contract import DEPLOYED, EVM_VERSION, Compiled, Optimiser

_PRAGMA = re.compile(r"^#pragma optimize \w+$", re.MULTILINE)


@dataclass(frozen=True, slots=True)
class Target:
    """What is mutated: sources (text by name relative to `folder`), and which one is deployed."""

    folder: Path
    main: str
    sources: Mapping[str, str]

    @classmethod
    def of(cls, folder: Path, main: str) -> Target:
        """The sources of a folder as they are now; changes while a run goes on do not matter."""
        files = sorted((*folder.rglob("*.vy"), *folder.rglob("*.vyi")))
        texts = {
            # The compiler is told the optimiser; the pragma would contradict.
            file.relative_to(folder).as_posix(): _PRAGMA.sub("#", file.read_text("ascii"))
            for file in files
        }
        return cls(folder.resolve(), main, texts)

    @property
    def digest(self) -> str:
        """A hash of all sources."""
        digest = sha256()
        for name, text in sorted(self.sources.items()):
            digest.update(f"{name} {len(text)}\n{text}".encode())
        return digest.hexdigest()

    def with_mutant(self, mutant: Mutant | None) -> Mapping[str, str]:
        """The sources, one of them changed."""
        if mutant is None:
            return self.sources
        changed = mutant.applied(self.sources[mutant.file])
        return {**self.sources, mutant.file: changed}


class _Bundle(FilesystemInputBundle):  # type: ignore[misc]
    """The snapshot of our sources; packages from where they are installed."""

    def __init__(self, folder: Path, sources: Mapping[str, str]) -> None:
        super().__init__([Path(sysconfig.get_path("purelib")), folder])
        self._texts = {folder / name: text for name, text in sources.items()}

    def _load_from_path(self, resolved_path: Path, original_path: Path) -> Any:
        text = self._texts.get(resolved_path)
        if text is None:
            return super()._load_from_path(resolved_path, original_path)
        number = self._generate_source_id(resolved_path)
        return FileInput(number, original_path, resolved_path, text)


@dataclass(frozen=True, slots=True)
class _Callee:
    """What a caller depends on."""

    label: str
    frame_start: int
    frame_size: int


@dataclass(frozen=True, slots=True)
class _Remembered:
    label: str
    callees: tuple[_Callee, ...]
    info: Any
    result: Any


_FunctionKey = tuple[str, str, bool]
_Generator = Callable[..., Any]


@contextmanager
def _replaced(module: Any, name: str, by: Any) -> Iterator[None]:
    """Let a module of the compiler use something of ours instead of its own."""
    before = getattr(module, name)
    setattr(module, name, by)
    try:
        yield
    finally:
        setattr(module, name, before)


def _job(target: Target, mutant: Mutant | None, optimiser: Optimiser) -> Any:
    bundle = _Bundle(target.folder, target.with_mutant(mutant))
    return phases.CompilerData(
        bundle.load_file(target.folder / target.main),
        bundle,
        settings=Settings(
            optimize=OptimizationLevel.from_string(optimiser), evm_version=EVM_VERSION
        ),
        no_bytecode_metadata=True,
    )


def _finish(job: Any) -> Compiled:
    with warnings.catch_warnings():
        # Without the optimiser the code is larger than EIP-170 allows on a public chain.
        warnings.simplefilter("ignore")
        with anchor_settings(job.settings):
            bytecode = "0x" + job.bytecode.hex()
            return Compiled(build_abi_output(job), bytecode, "")


def whole(target: Target, mutant: Mutant | None, optimiser: Optimiser) -> Compiled:
    """Compile with nothing remembered; raises whatever the compiler does."""
    return _finish(_job(target, mutant, optimiser))


def digest_of(compiled: Compiled) -> str:
    """What tells two programs apart."""
    return sha256(compiled.bytecode.encode()).hexdigest()[:32]


class Compiler:
    """The original, compiled, and everything about it that its mutants can use.

    Compile one mutant in a fork, then throw the fork away: the compiler writes into all of this.
    """

    _changed: tuple[str, str] | None = None

    def __init__(self, target: Target) -> None:
        self.target = target
        self._known: dict[_FunctionKey, _Remembered] = {}
        self._internal: _Generator = codegen.generate_ir_for_internal_function
        self._external: _Generator = codegen.generate_ir_for_external_function
        self._trees: dict[Path, Any] = {}
        self._remember()

    def _remember(self) -> None:
        job = _job(self.target, None, "none")
        with (
            _replaced(codegen, "generate_ir_for_internal_function", self._recorded(self._internal)),
            _replaced(codegen, "generate_ir_for_external_function", self._recorded(self._external)),
        ):
            self.original = _finish(job)
        self._layout = job.storage_layout
        self.reaching = self._call_graph(job.global_ctx)
        # Trees that no analysis has written into.
        fresh = _job(self.target, None, "none")
        for source, tree in fresh.resolved_imports.compiler_inputs.items():
            if not source.from_builtin and tree is not None:
                self._trees[source.resolved_path] = tree
        self._main_tree = fresh.vyper_module

    @cached_property
    def digest(self) -> str:
        """The original's."""
        return digest_of(self.original)

    @cached_property
    def optimised_digest(self) -> str:
        """The original's as it is deployed, optimised."""
        return digest_of(whole(self.target, None, DEPLOYED))

    def compile(self, mutant: Mutant | None) -> Compiled:
        """Compile a mutant with the optimiser off; raises whatever the compiler does."""
        if mutant is not None and not self._within_a_body(mutant):
            return whole(self.target, mutant, "none")
        self._changed = (mutant.file, mutant.function) if mutant else None
        changed_file = self.target.folder / mutant.file if mutant else None
        job = _job(self.target, mutant, "none")
        if changed_file != self.target.folder / self.target.main:
            job.vyper_module = self._main_tree
        with _replaced(imports, "_parse_ast", self._planted(changed_file)):
            layout = job.storage_layout
        if layout != self._layout:
            return whole(self.target, mutant, "none")
        with (
            _replaced(codegen, "generate_ir_for_internal_function", self._recalled(self._internal)),
            _replaced(codegen, "generate_ir_for_external_function", self._recalled(self._external)),
            # The names that the compiler makes up go on, so that none is used twice.
            _replaced(phases.codegen, "reset_names", lambda: None),
        ):
            return _finish(job)

    def _planted(self, changed_file: Path | None) -> Callable[[Any], Any]:
        """The compiler's parser, with the trees that are known."""
        parse = imports._parse_ast

        def tree_of(file: Any) -> Any:
            known = self._trees.get(file.resolved_path)
            return parse(file) if known is None or file.resolved_path == changed_file else known

        return tree_of

    def _within_a_body(self, mutant: Mutant) -> bool:
        """Whether only one function's body is other than before."""
        lines = self.target.sources[mutant.file].splitlines()
        first = mutant.line - 1
        while first >= 0 and not lines[first].startswith("def "):
            if lines[first][:1].strip() and not lines[first].startswith(")"):
                return False
            first -= 1
        if first < 0:
            return False
        end = next(i for i in range(first, len(lines)) if lines[i].endswith(":"))
        return mutant.line - 1 > end and all(
            part[:1].isspace() for part in mutant.becomes.splitlines() if part
        )

    def _call_graph(self, module: Any) -> dict[tuple[str, str], set[str]]:
        """From which external functions each function is reached; the constructor is in all."""
        reaching: dict[tuple[str, str], set[str]] = {}
        for outer in module.exposed_functions:
            for inner in (outer, *outer.reachable_internal_functions):
                reaching.setdefault(self._key(inner.ast_def)[:2], set()).add(outer.name)
        if module.init_function is not None:
            for inner in module.init_function.reachable_internal_functions:
                reaching.pop(self._key(inner.ast_def)[:2], None)
        return reaching

    # What is remembered of each function ----------------------------------------------------

    def _key(self, code: Any, *args: Any) -> _FunctionKey:
        module = Path(code.module_node.resolved_path)
        inside = module.is_relative_to(self.target.folder)
        file = module.relative_to(self.target.folder).as_posix() if inside else str(module)
        return file, code.name, bool(args and args[0])

    def _recorded(self, generate: _Generator) -> _Generator:
        def record(code: Any, module: Any, *args: Any, **kwargs: Any) -> Any:
            result = generate(code, module, *args, **kwargs)
            function = code._metadata["func_type"]
            info = function._ir_info
            self._known[self._key(code, *args, *kwargs.values())] = _Remembered(
                info.ir_identifier, _callees(function), info, _copy(result)
            )
            return result

        return record

    def _recalled(self, generate: _Generator) -> _Generator:
        def recall(code: Any, module: Any, *args: Any, **kwargs: Any) -> Any:
            key = self._key(code, *args, *kwargs.values())
            known = self._known.get(key)
            function = code._metadata["func_type"]
            if (
                known is None
                or key[:2] == self._changed
                or known.label != common._FuncIRInfo(function).ir_identifier
                or known.callees != _callees(function)
            ):
                return generate(code, module, *args, **kwargs)
            function._ir_info = known.info
            return _copy(known.result)

        return recall


def _copy(result: Any) -> Any:
    """The code of a function; the compiler writes into the entry points of an external one."""
    if isinstance(result, common.ExternalFuncIR):
        points = {signature: replace(point) for signature, point in result.entry_points.items()}
        return replace(result, entry_points=points)
    return result


def _callees(function: Any) -> tuple[_Callee, ...]:
    infos = (called._ir_info for called in function.called_functions)
    return tuple(
        _Callee(i.ir_identifier, i.frame_info.frame_start, i.frame_info.frame_size) for i in infos
    )
