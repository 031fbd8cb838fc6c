"""Reads statements as whoever gets them does: with programs that are not ours."""

from __future__ import annotations

import subprocess
from dataclasses import dataclass
from html.parser import HTMLParser

from lab.rig.services import find_program


@dataclass(frozen=True, slots=True)
class Word:
    """A word on a page, and where it stands: points from the upper left corner."""

    text: str
    left: float
    top: float
    right: float
    bottom: float


@dataclass(frozen=True, slots=True)
class Leaf:
    """A page of a file."""

    width: float
    height: float
    words: tuple[Word, ...]


def _pdftotext(pdf: bytes, *options: str) -> str:
    program = find_program("pdftotext")
    assert program is not None, "poppler is not installed; run scripts/setup --with-debian"
    command = [str(program), *options, "-", "-"]
    done = subprocess.run(command, input=pdf, capture_output=True, check=True, timeout=300)
    assert not done.stderr, done.stderr
    return done.stdout.decode()


def pdf_text(pdf: bytes) -> str:
    """The text of all pages, in the order in which it was written."""
    return _pdftotext(pdf, "-raw")


def pdf_pages(pdf: bytes) -> list[Leaf]:
    """Every word of every page with its place."""
    reader = _Boxes()
    reader.feed(_pdftotext(pdf, "-bbox"))
    return [Leaf(width, height, tuple(words)) for width, height, words in reader.pages]


class _Boxes(HTMLParser):
    """What `pdftotext -bbox` writes."""

    def __init__(self) -> None:
        super().__init__()
        self.pages: list[tuple[float, float, list[Word]]] = []
        self._box: list[float] | None = None

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        told = dict(attrs)
        if tag == "page":
            self.pages.append((float(told["width"] or ""), float(told["height"] or ""), []))
        elif tag == "word":
            self._box = [float(told[name] or "") for name in ("xmin", "ymin", "xmax", "ymax")]

    def handle_endtag(self, tag: str) -> None:
        if tag == "word":
            self._box = None

    def handle_data(self, data: str) -> None:
        if self._box is not None:
            self.pages[-1][2].append(Word(data, *self._box))
