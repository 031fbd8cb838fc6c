"""The machinery of mutation testing: what counts as a mutant, and what becomes of it."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from lab.mutation import mutants, report
from lab.mutation.campaign import CampaignError
from lab.mutation.compiler import Compiler, Target, digest_of, whole
from lab.mutation.forks import first_answer
from lab.mutation.mutants import Candidates, Mutant, enclosing
from lab.mutation.order import MutantOrder
from lab.mutation.verdicts import Fate, MutantVerdict, MutationRecord, packed_record
from lab.rig.contract import SOURCES
from lab.rig.services import ROOT

TINY = Path(__file__).with_name("tiny")
SOURCE = (TINY / "tiny.vy").read_text("ascii")


def mutant(was: str, becomes: str, source: str = SOURCE) -> Mutant:
    lines = source.splitlines(keepends=True)
    line = next(i for i, text in enumerate(lines) if text.strip() == was)
    indent = lines[line][: -len(lines[line].lstrip())]
    return Mutant("tiny.vy", line + 1, lines[line], f"{indent}{becomes}\n", enclosing(lines)[line])


def run_tiny(record: Path, tests: str = "1", *explained: str) -> subprocess.CompletedProcess[str]:
    path = os.pathsep.join(str(ROOT / folder) for folder in (".", "tests"))
    command = [sys.executable, str(TINY / "campaign.py"), str(record), tests, *explained]
    environment = os.environ | {"PYTHONPATH": path}
    return subprocess.run(
        command, env=environment, capture_output=True, text=True, timeout=1_800, check=False
    )


@pytest.fixture(scope="module")
def tiny_record(tmp_path_factory):
    return tmp_path_factory.mktemp("tiny") / "verdicts.jsonl"


@pytest.fixture(scope="module")
def tiny_fates(tiny_record):
    done = run_tiny(tiny_record)
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)


@pytest.mark.campaign
@pytest.mark.parametrize(
    ("becomes", "fate"),
    [
        ("pass", Fate.SURVIVED),
        ("return (self.count * (1 + 1))", Fate.SAME),
        ("return self.count * 2 * 1", Fate.OPTIMISED),
        ("return self.counts * 2", Fate.INVALID),
        ("self.count += 1000 * amount", Fate.TIMED_OUT),
    ],
)
def test_campaign__planted_mutant__has_its_fate(tiny_fates, becomes, fate):
    assert tiny_fates[becomes] == fate


@pytest.mark.campaign
def test_campaign__two_of_the_same_program__one_killed_and_one_its_twin(tiny_fates):
    sums = [tiny_fates["self.count -= amount"], tiny_fates["self.count = self.count - amount"]]
    assert sorted(sums) == sorted([Fate.KILLED, Fate.TWIN])


@pytest.mark.campaign
def test_campaign__again__judges_only_what_other_tests_did_not_kill(tiny_fates, tiny_record):
    lines = tiny_record.read_text().count("\n")
    assert run_tiny(tiny_record).returncode == 0
    assert tiny_record.read_text().count("\n") == lines
    same = 'tiny.vy: add: assert amount > 0, "nothing to add" => pass'
    assert run_tiny(tiny_record, "2", same).returncode == 0
    assert tiny_record.read_text().count("\n") == lines + 1
    assert run_tiny(tiny_record, "2").returncode == 0
    assert tiny_record.read_text().count("\n") == lines + 2


@pytest.mark.campaign
def test_campaign__tests_that_fail_anyway__says_so(tmp_path):
    folder = tmp_path / "tiny"
    folder.mkdir()
    for file in TINY.glob("*.*"):
        text = file.read_text("ascii").replace('call("count") == 7', 'call("count") == 8')
        (folder / file.name).write_text(text)
    path = os.pathsep.join(str(ROOT / name) for name in (".", "tests"))
    done = subprocess.run(
        [sys.executable, str(folder / "campaign.py"), str(tmp_path / "record"), "1"],
        env=os.environ | {"PYTHONPATH": path},
        capture_output=True,
        text=True,
        timeout=1_800,
        check=False,
    )
    assert done.returncode == 1
    assert f"{CampaignError.__name__}: without any mutation: " in done.stderr


# Which mutants there are ----------------------------------------------------------------------


@pytest.mark.parametrize(
    ("was", "becomes"),
    [
        ("# pragma version 0.4.3", "# pragma version 0.4.1"),
        ("@title Something to break", "@title Something to Truebreak"),
        ("self.count += amount", "self.count  +=  amount  # more"),
        ("self.count += amount", "self.count +="),
        ("def add(amount: uint256):", "def add(amount: uint257):"),
        ('"""', '""'),
    ],
)
def test_different__no_other_program_or_none_at_all__is_dropped(was, becomes):
    assert not list(mutants.different(SOURCE, [mutant(was, becomes)]))


def test_different__the_same_program_twice__is_kept_once():
    once = mutant("self.count += amount", "self.count -= amount")
    again = mutant("self.count += amount", "self.count -= (amount)".replace("(amount)", " amount"))
    assert list(mutants.different(SOURCE, [once, again])) == [once]


def test_enclosing__decorator_body_and_module__name_their_definition():
    lines = SOURCE.splitlines(keepends=True)
    names = dict(zip((line.strip() for line in lines), enclosing(lines), strict=True))
    assert names["@view"] == names["return self.count * 2"] == "twice"
    assert names["self.count += amount"] == "add"
    assert names["count: public(uint256)"] == ""


def test_sample__of_two_files__takes_of_each_its_share():
    those = [
        Mutant(file, line, "a\n", "b\n", "")
        for file, count in (("large", 90), ("small", 10))
        for line in range(count)
    ]
    chosen = mutants.sample(those, 20, seed=7)
    assert [sum(m.file == name for m in chosen) for name in ("large", "small")] == [18, 2]
    assert chosen == mutants.sample(those, 20, seed=7)
    assert chosen != mutants.sample(those, 20, seed=8)


# Compiling ------------------------------------------------------------------------------------


@pytest.mark.campaign
def test_compile__mutants_of_the_contract__as_with_nothing_remembered():
    target = Target.of(SOURCES, "DrillMeter.vy")
    compiler = Compiler(target)
    chosen: dict[str, Mutant] = {}
    for file in (f"modules/{name}.vy" for name in ("bonds", "drills", "rentals", "vault")):
        lines = target.sources[file].splitlines(keepends=True)
        where = enclosing(lines)
        for number, (line, function) in enumerate(zip(lines, where, strict=True), start=1):
            if function and line.startswith("    ") and " + " in line and file not in chosen:
                becomes = line.replace(" + ", " * ", 1)
                chosen[file] = Mutant(file, number, line, becomes, function)
    digests = []
    for each in chosen.values():
        quick = first_answer(lambda say, m=each: say(digest=digest_of(compiler.compile(m))))
        digests.append(quick["digest"])
        assert quick["digest"] == digest_of(whole(target, each, "none"))
    assert len(set(digests) | {compiler.digest}) == len(chosen) + 1 == 5


# Keeping and reporting ------------------------------------------------------------------------


def test_record__half_a_line_at_the_end__is_left_out(tmp_path):
    file = tmp_path / "record"
    MutationRecord(file).add(MutantVerdict("one", Fate.KILLED, "digest", "test"))
    with file.open("a") as half:
        half.write('{"key": "two", "fa')
    assert list(MutationRecord(file).verdicts) == ["one"]


def test_record__kept_with_the_sources__is_where_another_machine_begins(tmp_path):
    file, packed = tmp_path / "record", tmp_path / "record.gz"
    MutationRecord(file).add(MutantVerdict("one", Fate.KILLED, "digest", "test"))
    packed.write_bytes(packed_record(file))
    assert packed.read_bytes() == packed_record(file)
    other = MutationRecord(tmp_path / "elsewhere" / "record", packed)
    assert other.verdicts == MutationRecord(file).verdicts
    other.add(MutantVerdict("two", Fate.SURVIVED, "another"))
    again = MutationRecord(tmp_path / "elsewhere" / "record", packed)
    assert list(again.verdicts) == ["one", "two"]


def test_record__a_program_judged_already__is_a_twin(tmp_path):
    record = MutationRecord(tmp_path / "record")
    record.add(MutantVerdict("one", Fate.KILLED, "digest", "test"))
    assert record.add(MutantVerdict("two", Fate.SURVIVED, "digest")).fate is Fate.TWIN


def test_order__a_neighbour_was_killed__its_test_goes_first():
    order = MutantOrder({"quick": 0.1, "slow": 9.0, "killer": 2.0})
    near = mutant("self.count += amount", "self.count -= amount")
    order.learn(near, "killer")
    met = order.of(mutant('assert amount > 0, "nothing to add"', "pass"))
    assert met == ["killer", "quick", "slow"]


def test_order__a_test_that_cannot_reach_the_function__is_left_out():
    baseline = dict.fromkeys(("adds", "looks", "unknown"), 1.0)
    calls = {"adds": {"add": 1}, "looks": {"twice": 2}, "unknown": {}}
    order = MutantOrder(baseline, calls, {("tiny.vy", "add"): {"add"}})
    assert order.of(mutant("self.count += amount", "pass")) == ["adds", "unknown"]
    assert order.of(mutant("return self.count * 2", "pass")) == ["adds", "looks", "unknown"]


def test_figures__all_fates__count_what_is_distinct():
    fates = [Fate.INVALID, Fate.SAME, Fate.TWIN, Fate.OPTIMISED, Fate.SURVIVED]
    fates += [Fate.KILLED] * 8 + [Fate.TIMED_OUT]
    those = [Mutant("tiny.vy", line, "a\n", "b\n", "add") for line in range(len(fates))]
    verdicts = {m.key: MutantVerdict(m.key, fate) for m, fate in zip(those, fates, strict=True)}
    found = report.figures(Candidates({"tiny.vy": 99}, tuple(those)), those, verdicts)[""]
    assert (found.raw, found.judged, found.compiling, found.distinct) == (99, 14, 13, 10)
    assert found.rate == 0.9
    assert found.interval == pytest.approx((0.5958, 0.9821), abs=1e-4)


def test_explanations__those_committed__name_lines_that_there_are():
    sources = Target.of(SOURCES, "DrillMeter.vy").sources
    for name in report.explanations():
        file, function, rest = name.split(": ", 2)
        was = rest.partition(" => ")[0]
        lines = sources[file].splitlines(keepends=True)
        places = zip(lines, enclosing(lines), strict=True)
        assert (was, function) in {(line.strip(), where) for line, where in places}, name
