"""Reads pages as a browser shows them: where words stand, which are broken, what sticks out."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

from playwright.sync_api import Browser, Page, sync_playwright
from web_rig import launch

LOOK = r"""
() => {
  const broken = [], outside = [], right = {};
  const words = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
  const width = document.documentElement.clientWidth;
  for (let node = words.nextNode(); node; node = words.nextNode()) {
    const parent = node.parentElement;
    if (!parent.checkVisibility() || parent.closest("thead") || parent.closest("svg")) continue;
    for (const found of node.data.matchAll(/[^ \n\t]+/g)) {
      const range = document.createRange();
      range.setStart(node, found.index);
      range.setEnd(node, found.index + found[0].length);
      const lines = [...range.getClientRects()].filter(one => one.width > 0);
      const tops = new Set(lines.map(one => Math.round(one.top)));
      if (tops.size > 1) broken.push(found[0]);
      if (lines.some(one => one.right > width + 0.5 || one.left < -0.5)) outside.push(found[0]);
    }
  }
  document.querySelectorAll("table").forEach((table, number) => {
    table.querySelectorAll("td.n").forEach(cell => {
      const range = document.createRange();
      range.selectNodeContents(cell);
      const lines = [...range.getClientRects()].filter(one => one.width > 0);
      if (!lines.length || cell.getBoundingClientRect().width === 0) return;
      const key = `${number}.${cell.cellIndex}`;
      const edge = Math.max(...lines.map(one => one.right));
      (right[key] = right[key] || []).push(Math.round(edge));
    });
  });
  return {broken, outside, right, wide: document.documentElement.scrollWidth - width};
}
"""
"""Run in the page. The heads of columns may be broken at hyphens, and drawings have no lines of
text: both are left out."""


@dataclass(frozen=True, slots=True)
class Look:
    """What a page looks like: words in more than one line, words beyond its edge, right edges of
    the numbers of each column (table and column, in pixels), and by how much it is too wide."""

    broken: list[str]
    outside: list[str]
    right: dict[str, list[int]]
    wide: int


@contextmanager
def chromium() -> Iterator[Browser]:
    """A browser with an empty profile."""
    with sync_playwright() as playwright:
        browser = launch(playwright)
        try:
            yield browser
        finally:
            browser.close()


def look_at(page: Page, html: str, width: int, *, printed: bool = False) -> Look:
    """Show a page at a width, on screen or as it is printed, and look at it."""
    page.set_viewport_size({"width": width, "height": 800})
    page.emulate_media(media="print" if printed else "screen")
    page.set_content(html)
    return Look(**page.evaluate(LOOK))
