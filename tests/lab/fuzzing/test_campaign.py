"""What a campaign promises about itself: it repeats by seed, it explains a failure, it counts."""

from __future__ import annotations

import json
from hashlib import sha256

import pytest

from lab.fuzzing import __main__ as command
from lab.fuzzing import campaign, reasons, report
from lab.fuzzing.campaign import FuzzFailure, FuzzOutcome, parse_replay, play_round, run, tell
from lab.fuzzing.game import GameTally, ModelBroken
from lab.fuzzing.plan import BYTES, PlanDice, table
from lab.fuzzing.play import TERMS_BYTES, Subject
from lab.fuzzing.shrink import shorten
from lab.fuzzing.words import Interface
from lab.fuzzing.world import compiled_meter
from lab.rig.contract import SOURCES, Compiled


@pytest.fixture(scope="module")
def subject() -> Subject:
    return Subject(*compiled_meter())


def test_compiled_meter__the_pinned_hash__is_of_its_code():
    pin = json.loads((SOURCES / "DrillMeter.pin.json").read_text())
    code = bytes.fromhex(compiled_meter()[0].bytecode[2:])
    assert sha256(code).hexdigest() == pin["bytecode_sha256"]


def test_play_round__same_seed__makes_the_same_calls(subject):
    first, again = (play_round(subject, 5, 6).tally for _ in range(2))
    assert first == again
    assert first.calls > 500


def test_run__more_processes__count_the_same_calls(monkeypatch):
    monkeypatch.setattr(campaign, "PLANS", 4)
    alone = list(run(1_500, 9, 1))[-1]
    together = list(run(1_500, 9, 2))[-1]
    assert alone == together
    assert alone.tally.calls >= 1_500


def test_play_round__a_model_that_is_wrong__gives_a_short_plan_that_can_be_replayed(
    subject, monkeypatch
):
    monkeypatch.setattr("lab.fuzzing.books.PAUSED", "pausable: something else")
    monkeypatch.setattr("lab.fuzzing.life.PAUSED", "pausable: something else")
    failure = play_round(subject, 3, 20).failure
    assert failure is not None
    assert "contract is paused" in failure.error
    assert len(failure.plan) <= 4
    terms, plan = parse_replay(failure.replay)
    assert tell(subject, terms, plan) == (failure.error, list(failure.story))
    assert "pause" in "".join(failure.story)


def test_parse_replay__not_whole_operations__is_refused():
    with pytest.raises(ValueError, match="a replay has"):
        parse_replay("00" * (TERMS_BYTES + BYTES + 1))


def test_main__a_replay_that_breaks_nothing__says_so(capsys):
    assert command.main(["--replay", "00" * (TERMS_BYTES + BYTES)]) == 0
    assert "nothing is broken" in capsys.readouterr().out
    assert command.main(["--replay", "0"]) == 2


def test_main__few_calls__writes_counts_and_reasons(tmp_path, capsys, monkeypatch):
    monkeypatch.setattr(campaign, "PLANS", 8)
    file = tmp_path / "fuzz.json"
    assert (
        command.main(["--calls", "100", "--seed", "4", "--processes", "1", "--json", str(file)])
        == 0
    )
    result = json.loads(file.read_text())
    assert result["seed"] == 4
    assert result["calls"] >= 100
    assert result["operations"]["settle"]["succeeded"] > 0
    assert result["failure"] is None
    assert "settle" in capsys.readouterr().out


def test_main__a_broken_promise__exits_with_1_and_says_how_to_see_it_again(monkeypatch, capsys):
    failure = FuzzFailure(
        "ModelBroken: promise", b"\0" * TERMS_BYTES, (), ("coins: pause() went through",)
    )
    monkeypatch.setattr(command, "run", lambda *_: iter([FuzzOutcome(GameTally(), 1, failure)]))
    assert command.main(["--seed", "1"]) == 1
    said = capsys.readouterr().err
    assert "coins: pause() went through" in said
    assert f"scripts/fuzz --replay {'00' * TERMS_BYTES}" in said


def test_main__something_idle__exits_with_1_after_enough_calls(monkeypatch, capsys):
    tally = GameTally()
    tally.done["settle"] = report.ENOUGH
    monkeypatch.setattr(command, "run", lambda *_: iter([FuzzOutcome(tally, 1, None)]))
    assert command.main(["--seed", "1"]) == 1
    assert "operation never went through: dispute" in capsys.readouterr().err


def test_idle__a_new_reason_in_the_sources__is_missed(monkeypatch):
    monkeypatch.setattr(reasons, "reverts", lambda: {"vault: brand new"})
    assert "revert reason never met: vault: brand new" in report.idle(
        GameTally(), report.expected()
    )


def test_reverts__sources_as_they_are__hold_every_kind():
    found = reasons.reverts()
    assert {"vault: nothing to take", "ownable: caller is not the owner"} <= found
    assert set(reasons.UNREACHABLE) <= found
    assert "implausible registers" in reasons.rejections()


def test_shorten__one_operation_and_one_byte_matter__leaves_just_these():
    plan = [bytes([i] * 4) for i in range(40)]
    wanted = (b"\0\0\x11\0",)
    assert shorten(plan, lambda p: any(len(raw) > 2 and raw[2] == 0x11 for raw in p)) == wanted


def test_dice__beyond_its_bytes__are_zero():
    dice = PlanDice(b"\x05")
    assert [dice.byte(), dice.byte(), dice.number(3)] == [5, 0, 0]
    assert not PlanDice(b"").chance(255)
    assert table((1, "rare"), (255, "often")).count("often") == 255
    assert table((0, "rest"), (6, "six")).count("rest") == 250


def test_tell__contract_that_is_none__is_an_error_and_no_pass(subject):
    nothing = Compiled(subject.compiled.abi, "0x5f5ff3", "0x")
    error, _ = tell(Subject(nothing, Interface(nothing.abi)), b"\0" * TERMS_BYTES, [])
    assert error


def test_broken__is_an_assertion():
    assert issubclass(ModelBroken, AssertionError)
