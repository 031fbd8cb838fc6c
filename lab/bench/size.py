"""Code size as deployed, and what each function of it takes, from the compiler's symbols."""

from __future__ import annotations

import re
import sysconfig
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path

from vyper.compiler.input_bundle import FilesystemInputBundle
from vyper.compiler.phases import CompilerData
from vyper.compiler.settings import OptimizationLevel, Settings
from vyper.ir.compile_ir import assembly_to_evm_with_symbol_map
from vyper.semantics.types.module import ModuleT

from lab.rig.contract import DEPLOYED, EVM_VERSION, SOURCES
from lab.rig.errors import RigError
from lab.rig.services import ROOT

CODE_LIMIT = 24_576
"""EIP-170."""

_FUNCTION = re.compile(r"_sym_(external|internal) (\d+) (\w+)\(.*\)(?:_runtime|\d+)$")
"""The first instruction of a function: its kind, the compiler's number of it, its name."""

_TABLE = "_sym_BUCKET_HEADERS"
_END = "_sym_code_end"


@dataclass(frozen=True, slots=True)
class Sizes:
    """Bytes on chain: code and immutables, and the parts that the code is made of."""

    runtime: int
    immutables: int
    functions: dict[str, int]

    @property
    def deployed(self) -> int:
        """What EIP-170 counts."""
        return self.runtime + self.immutables


def measure_size() -> Sizes:
    """Compile DrillMeter as it is deployed and measure it.

    A function's bytes run from its label to the next one's. Externals stand under their names,
    internals behind their module's; what the compiler has put inline belongs to whoever uses it.
    """
    bundle = FilesystemInputBundle([Path(sysconfig.get_path("purelib")), ROOT])
    level = OptimizationLevel.from_string(DEPLOYED)
    data = CompilerData(
        bundle.load_file(SOURCES / "DrillMeter.vy"),
        bundle,
        settings=Settings(optimize=level, evm_version=EVM_VERSION),
    )
    code, _map, symbols = assembly_to_evm_with_symbol_map(data.assembly_runtime)
    names = _names(data.global_ctx)
    marks = {0: "(dispatch)"}
    for symbol, at in symbols.items():
        if at is not None and (found := _FUNCTION.match(str(symbol))):
            external, number, name = found[1] == "external", int(found[2]), found[3]
            marks[at] = name if external else names[number]
        elif str(symbol) == _TABLE:
            marks[at] = "(selectors)"
    ends = [*sorted(marks), len(code)]
    sizes = {marks[start]: end - start for start, end in pairwise(ends)}
    if len(sizes) != len(marks) or len(code) != len(data.bytecode_runtime):
        raise RigError("two functions have one name, or the symbols are of other code")
    return Sizes(
        runtime=len(code),
        immutables=data.global_ctx.immutable_section_bytes,
        functions=dict(sorted(sizes.items())),
    )


def _names(root: ModuleT) -> dict[int, str]:
    """What to call each internal function, by the number that the compiler has given it."""
    names: dict[int, str] = {}
    waiting = [("", root)]
    while waiting:
        prefix, module = waiting.pop()
        for name, function in module.functions.items():
            number = function._function_id  # the compiler shows it nowhere else
            if number is not None:
                names[number] = prefix + name
        waiting += [(f"{name}.", info.module_t) for name, info in module.imported_modules.items()]
    return names
