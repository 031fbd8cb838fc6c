"""Run a campaign with planted mutants of tiny.vy, in a process of its own.

`campaign.py RECORD TESTS [NAME...]`; the names are of mutants that count as explained. Prints a
JSON object: the fate of each mutant, by what its line becomes.
"""

from __future__ import annotations

import json
import sys
from importlib import import_module
from pathlib import Path

from lab.mutation.campaign import Campaign, MutationPlan, run
from lab.mutation.compiler import Compiler, Target
from lab.mutation.mutants import Mutant, enclosing
from lab.mutation.verdicts import MutationRecord

HERE = Path(__file__).parent
PLANTED = (
    ("    self.count += amount\n", "    self.count -= amount\n"),
    ("    self.count += amount\n", "    self.count = self.count - amount\n"),
    ("    self.count += amount\n", "    self.count += 1000 * amount\n"),
    ('    assert amount > 0, "nothing to add"\n', "    pass\n"),
    ("    return self.count * 2\n", "    return (self.count * (1 + 1))\n"),
    ("    return self.count * 2\n", "    return self.count * 2 * 1\n"),
    ("    return self.count * 2\n", "    return self.counts * 2\n"),
)


def planted(source: str) -> list[Mutant]:
    lines = source.splitlines(keepends=True)
    where = enclosing(lines)
    at = [lines.index(was) for was, _ in PLANTED]
    return [
        Mutant("tiny.vy", line + 1, was, becomes, where[line])
        for line, (was, becomes) in zip(at, PLANTED, strict=True)
    ]


def inject(compiled):
    import_module("check_tiny").PROGRAM[:] = [compiled]


if __name__ == "__main__":
    record = MutationRecord(Path(sys.argv[1]))
    target = Target.of(HERE, "tiny.vy")
    mutants = planted(target.sources["tiny.vy"])
    tests, explained = sys.argv[2], sys.argv[3:]
    plan = MutationPlan(mutants, inject, tests, jobs=2, compiling_seconds=4, explained=explained)
    plugins = "-p no:ape_test -p no:schemathesis"
    options = ["--import-mode=prepend", f"--override-ini=addopts={plugins}"]
    run(Campaign(plan, Compiler(target), record), [*options, str(HERE / "check_tiny.py")])
    fates = {m.becomes.strip(): record.verdicts[m.key].fate for m in mutants}
    print(json.dumps(fates))
