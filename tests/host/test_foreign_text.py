"""Foreign text on a terminal: nothing of it acts, and no length of it costs time."""

from __future__ import annotations

import io
import json
import sys
import time

import pytest

from host.bounded_json import DEEPEST, parse_json
from host.errors import AnswerTooLargeError, NonsenseError
from host.foreign_text import LONGEST, complain, harmless, without_secrets

LONG = 5_000_000
SOON_SECONDS = 20
"""What is quadratic in LONG takes hours."""

ACTING = {
    "\x1b[2J\x1b[HClean": r"\x1b[2J\x1b[HClean",
    "one\r\ntwo": r"one\r\ntwo",
    "\x9b31m": r"\x9b31m",
    "abc\u202edef\u2066": r"abc\u202edef\u2066",
    "\ud800": r"\ud800",
    "\u2028\u200b\ufeff": r"\u2028\u200b\ufeff",
    "Bohrer für 5 €": "Bohrer für 5 €",
    "": "",
}


@pytest.mark.parametrize(("text", "shown"), ACTING.items())
def test_harmless__what_acts_on_a_terminal__visible(text: str, shown: str) -> None:
    assert harmless(text) == shown
    assert harmless(text).isprintable()


def test_harmless__long__cut() -> None:
    assert harmless("x" * LONGEST) == "x" * LONGEST
    assert harmless("x" * (LONGEST + 1)) == "x" * LONGEST + "..."
    assert harmless("\x1b" * LONGEST, 8) == r"\x1b\x1b..."


@pytest.mark.parametrize("letter", ["x", "\x1b", "\ud800", "a://", "url: ", "'", "é"])
def test_without_secrets__millions_of_letters__soon(letter: str) -> None:
    began = time.process_time()
    told = without_secrets(letter * LONG, "https://user:hunter2222@h/v3/0123456789abcdef?k=v")
    assert time.process_time() - began < SOON_SECONDS
    assert len(told) <= LONGEST + 3


@pytest.mark.parametrize("before", [0, 5, 290, 297, 1_200, 1_240, 1_260])
def test_without_secrets__wherever_it_stands__not_shown(before: int) -> None:
    url = "https://user:hunter2222@h/v3/0123456789abcdef"
    text = "." * before + "at /v3/0123456789abcdef of hunter2222 " + "." * 2_000
    told = without_secrets(text, url)
    assert "01234" not in told
    assert "hunter" not in told


def test_complain__terminal_that_knows_no_umlauts__told_all_the_same(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    written = io.BytesIO()
    monkeypatch.setattr(sys, "stderr", io.TextIOWrapper(written, encoding="ascii"))
    complain("drill-audit", "Gerät \ud800 fehlt\x07")
    assert written.getvalue() == b"drill-audit: Ger\\xe4t \\ud800 fehlt\\x07\n"


@pytest.mark.parametrize(
    "content",
    [b"[" * 200_000, b"[" * 200_000 + b"]" * 200_000, b'{"a":' * 100_000, b'[{"a":[' * 60_000],
)
def test_parse_json__nested_without_end__refused(content: bytes) -> None:
    with pytest.raises(AnswerTooLargeError, match="nested deeper"):
        parse_json(content)


@pytest.mark.parametrize(
    "content", [b"", b"nothing", b"\xff", b"[1", b'"', b"1" * 5_000, b"}" * 50 + b"{" * 20]
)
def test_parse_json__not_json__said_so(content: bytes) -> None:
    with pytest.raises(NonsenseError, match="not JSON"):
        parse_json(content)


def test_parse_json__brackets_in_text_and_beside_each_other__read() -> None:
    wide = [[]] * 1_000 + [{"a": "[" * 1_000 + '\\"{'}]
    deep: list[object] = []
    for _ in range(DEEPEST - 1):
        deep = [deep]
    assert parse_json(json.dumps(wide).encode()) == wide
    assert parse_json(json.dumps(deep).encode()) == deep


@pytest.mark.parametrize("part", [b'"', b'"\\', b'\\"', b'"[', b"[]", b"{[", b"]["])
def test_parse_json__millions_of_parts__soon(part: bytes) -> None:
    began = time.process_time()
    with pytest.raises((AnswerTooLargeError, NonsenseError)):
        parse_json(b"[" * 40 + part * (LONG // len(part)))
    assert time.process_time() - began < SOON_SECONDS
