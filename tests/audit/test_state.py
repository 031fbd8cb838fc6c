"""State files: whole, of this audit, or refused. And the catalogue of findings."""

from __future__ import annotations

import json
import re
from hashlib import sha256
from pathlib import Path

import pytest
from audit_story import Story

from audit.errors import StateFileError
from audit.findings import CATALOGUE, KEPT_OF_A_NAME, Findings, Grade
from audit.node.completeness import CompletenessTally
from audit.state import VERSION, Progress, load, save

ROOT = Path(__file__).resolve().parents[2]


def progress() -> Progress:
    story = Story()
    story.furnish()
    story.open()
    story.settle(40_000)
    story.tell("KeyEnrolled", key="0x" + "c" * 40, x=2**255, y=7)
    return Progress(
        chain_id=1,
        contract="0x" + "77" * 20,
        first_block=3,
        depth="all",
        last_block=9,
        last_hash="0x" + "11" * 32,
        books=story.books,
        findings=story.findings,
        tally=CompletenessTally(1, 2, 3),
        events=4,
        readings=5,
        verified=6,
        unchecked=7,
    )


def test_save__then_load__the_same(tmp_path: Path) -> None:
    saved = progress()
    save(tmp_path / "state", saved)
    assert load(tmp_path / "state") == saved


def test_load__no_file__nothing(tmp_path: Path) -> None:
    assert load(tmp_path / "state") is None


def test_load__one_digit_changed__refused(tmp_path: Path) -> None:
    path = tmp_path / "state"
    save(path, progress())
    path.write_text(path.read_text().replace("40000", "40001"))
    with pytest.raises(StateFileError, match="changed or cut short"):
        load(path)


@pytest.mark.parametrize("text", ["", "{}", "[]", '{"sha256": 1, "content": 2}'])
def test_load__something_else__refused(tmp_path: Path, text: str) -> None:
    (tmp_path / "state").write_text(text)
    with pytest.raises(StateFileError):
        load(tmp_path / "state")


def test_load__cut_short__refused(tmp_path: Path) -> None:
    path = tmp_path / "state"
    save(path, progress())
    path.write_bytes(path.read_bytes()[:-10])
    with pytest.raises(StateFileError):
        load(path)


@pytest.mark.parametrize(("step", "advice"), [(1, "install the release"), (-1, "go on with the")])
def test_load__of_another_version__refused_in_one_line_and_left_alone(
    tmp_path: Path, step: int, advice: str
) -> None:
    path = tmp_path / "state"
    content = json.dumps({"version": VERSION + step, "what": "nobody knows"})
    digest = sha256(content.encode()).hexdigest()
    path.write_text(json.dumps({"sha256": digest, "content": content}))
    before = path.read_bytes()
    with pytest.raises(StateFileError) as refused:
        load(path)
    assert str(refused.value) == (
        f"{path} is of version {VERSION + step}, this release writes version {VERSION}: {advice} "
        f"{'that wrote it' if step > 0 else 'release that wrote it'}, or name another --state file "
        "to audit from the first block anew; it is left as it is"
    )
    assert path.read_bytes() == before


def test_save__folder_that_is_not_there__refused(tmp_path: Path) -> None:
    with pytest.raises(StateFileError, match="cannot be written"):
        save(tmp_path / "no" / "state", progress())


def test_add__many_of_a_name__the_first_kept_and_all_counted() -> None:
    findings = Findings()
    for number in range(KEPT_OF_A_NAME + 20):
        findings.add("charge-differs", f"rental {number}", "")
    assert len(findings.kept) == KEPT_OF_A_NAME
    assert findings.by_grade()[Grade.WRONG] == KEPT_OF_A_NAME + 20


@pytest.mark.parametrize(
    ("names", "status"),
    [
        ((), 0),
        (("charge-differs",), 1),
        (("log-size-fell",), 1),
        (("signature-unchecked",), 2),
        (("signature-unchecked", "charge-differs"), 1),
        (("reorganisation", "charge-differs"), 2),
    ],
)
def test_exit_status__by_grade__as_documented(names: tuple[str, ...], status: int) -> None:
    findings = Findings()
    for name in names:
        findings.add(name, "", "")
    assert findings.exit_status() == status


def test_add__a_name_nobody_knows__refused() -> None:
    with pytest.raises(KeyError):
        Findings().add("charge-diffres", "", "")


def test_catalogue__docs__every_name_with_its_grade_and_meaning() -> None:
    text = (ROOT / "docs" / "auditing.md").read_text(encoding="utf-8")
    rows = re.findall(r"^\| `([a-z-]+)` \| (\w+) \| (.*) \|$", text, re.MULTILINE)
    assert {name: (grade, meaning) for name, grade, meaning in rows} == {
        name: (grade.value, meaning) for name, (grade, meaning) in CATALOGUE.items()
    }


def test_catalogue__code__every_name_is_used() -> None:
    sources = "".join(path.read_text() for path in (ROOT / "audit").rglob("*.py"))
    unused = [name for name in CATALOGUE if sources.count(f'"{name}"') < 2]
    assert unused == []


def test_dump__state_file__is_plain_json(tmp_path: Path) -> None:
    save(tmp_path / "state", progress())
    assert set(json.loads((tmp_path / "state").read_text())) == {"sha256", "content"}
