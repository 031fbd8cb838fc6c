"""The part of pyrevm's interface that the chain in memory uses, played by EthereumJS.

For interpreters that pyrevm has no wheel for. A second implementation of the machine by others,
about a tenth as fast; one process of Node.js serves all machines of this one.
"""

from __future__ import annotations

import atexit
import itertools
import json
import os
import resource
import shutil
import subprocess
import weakref
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

PROGRAM = Path(__file__).with_suffix(".mjs")

_numbers = itertools.count(1)
_unused: list[int] = []
"""Machines that nobody has any more; the program is told before it makes another one, because the
garbage collector may find them in the middle of a request."""


@dataclass(frozen=True, slots=True)
class CfgEnv:
    """Chain id, and the largest code, which EthereumJS does not limit here."""

    chain_id: int
    limit_contract_code_size: int


@dataclass(frozen=True, slots=True)
class BlockEnv:
    """The block that transactions and views run in."""

    number: int
    timestamp: int
    gas_limit: int


@dataclass(frozen=True, slots=True)
class Env:
    """What a machine starts with."""

    cfg: CfgEnv
    block: BlockEnv


@dataclass(frozen=True, slots=True)
class AccountInfo:
    """An account's code."""

    code: bytes


@dataclass(frozen=True, slots=True)
class Log:
    """An entry: `data` is its topics and its bytes."""

    address: str
    data: tuple[list[bytes], bytes]


@dataclass(frozen=True, slots=True)
class Result:
    """What the last transaction did."""

    logs: list[Log]
    gas_used: int


class EVM:
    """One machine; raises RuntimeError with pyrevm's words when code reverts or halts."""

    def __init__(self, env: Env, spec_id: str, gas_limit: int) -> None:
        self.result: Result | None = None
        self._number, self._gas_limit = next(_numbers), gas_limit
        while _unused:
            _ask(_program(os.getpid()), machine=_unused.pop(), method="forget")
        self._ask("create", chain_id=hex(env.cfg.chain_id), hardfork=spec_id.lower())
        weakref.finalize(self, _unused.append, self._number)
        self.set_block_env(env.block)

    def set_block_env(self, block: BlockEnv) -> None:
        """What comes next runs in this block."""
        self._ask(
            "set_block",
            number=hex(block.number),
            timestamp=hex(block.timestamp),
            gas_limit=hex(block.gas_limit),
        )

    def get_balance(self, who: str) -> int:
        return int(self._ask("balance", who=who), 16)

    def set_balance(self, who: str, amount: int) -> None:
        self._ask("set_balance", who=who, amount=hex(amount))

    def get_code(self, who: str) -> bytes:
        return bytes.fromhex(self._ask("code", who=who)[2:])

    def insert_account_info(self, who: str, info: AccountInfo) -> None:
        self._ask("set_code", who=who, code=f"0x{info.code.hex()}")

    def storage(self, who: str, slot: int) -> int:
        return int(self._ask("word", who=who, slot=_word(slot)).removeprefix("0x") or "0", 16)

    def insert_account_storage(self, who: str, slot: int, word: int) -> None:
        self._ask("set_word", who=who, slot=_word(slot), word=_word(word))

    def snapshot(self) -> int:
        return int(self._ask("snapshot"))

    def revert(self, snapshot: int) -> None:
        self._ask("revert", snapshot=snapshot)

    def reset_transient_storage(self) -> None:
        """Every transaction begins without any here."""

    def deploy(self, deployer: str, code: bytes, value: int = 0) -> str:
        """The new contract's address."""
        return str(self._run(deployer, None, code, value, self._gas_limit))

    def message_call(
        self,
        caller: str,
        to: str,
        calldata: bytes = b"",
        value: int = 0,
        gas: int | None = None,
        *,
        is_static: bool = False,
    ) -> bytes:
        """The output."""
        gas = self._gas_limit if gas is None else gas
        output = self._run(caller, to, calldata, value, gas, is_static=is_static)
        return bytes.fromhex(output[2:])

    def _run(
        self,
        caller: str,
        to: str | None,
        data: bytes,
        value: int,
        gas: int,
        *,
        is_static: bool = False,
    ) -> str:
        done = self._ask(
            "run",
            caller=caller,
            to=to,
            data=f"0x{data.hex()}",
            value=hex(value),
            gas=hex(gas),
            is_static=is_static,
        )
        if "revert" in done:
            raise RuntimeError(f"Revert {{ gas_used: 0, output: {done['revert']} }}")
        if "halt" in done:
            raise RuntimeError(f"Halt {{ reason: {done['halt']} }}")
        logs = [
            Log(address, ([bytes.fromhex(t[2:]) for t in topics], bytes.fromhex(data[2:])))
            for address, topics, data in done["logs"]
        ]
        self.result = Result(logs, done["gas_used"])
        return str(done["output"])

    def _ask(self, method: str, **values: Any) -> Any:
        return _ask(_program(os.getpid()), machine=self._number, method=method, **values)


def _word(value: int) -> str:
    return f"0x{value:064x}"


def _ask(program: subprocess.Popen[str], **request: Any) -> Any:
    assert program.stdin is not None
    assert program.stdout is not None
    program.stdin.write(json.dumps(request) + "\n")
    program.stdin.flush()
    line = program.stdout.readline()
    if not line:
        raise OSError(f"the EVM in Node.js ended with status {program.wait()}")
    answer = json.loads(line)
    if "error" in answer:
        raise OSError(f"the EVM in Node.js: {answer['error']}")
    return answer["result"]


@cache
def _program(_process: int) -> subprocess.Popen[str]:
    """The process that serves this one; a fork starts its own, which knows no machine yet.

    What this process may use of the processor is its own: it has to meet that limit itself, rather
    than lose its machine to the same limit before.
    """
    node = shutil.which("node")
    if node is None:
        raise OSError("Node.js is not on the PATH; scripts/setup installs it")
    program = subprocess.Popen(
        [node, str(PROGRAM)], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    )
    hard = resource.getrlimit(resource.RLIMIT_CPU)[1]
    resource.prlimit(program.pid, resource.RLIMIT_CPU, (hard, hard))
    atexit.register(_end, program)
    return program


def _end(program: subprocess.Popen[str]) -> None:
    program.stdin.close()  # type: ignore[union-attr]
    program.wait()
    program.stdout.close()  # type: ignore[union-attr]
