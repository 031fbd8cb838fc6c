"""Text that strangers wrote, made harmless to show.

A node's error text, a web server's status or a name on the chain may hold anything: escape codes
that clear a terminal and write "Clean" on it, letters that run from right to left, halves of
characters that no file can hold, or a million letters. Whoever shows such text takes it from here.

The length is cut before anything else looks at the text, so that nothing does work without bound.
"""

from __future__ import annotations

import re
import sys
from contextlib import suppress
from urllib.parse import urlsplit

LONGEST = 300
"""Characters of foreign text that are shown unless told otherwise; a sentence or three."""

_CUT = "..."
_ADDRESS = re.compile(r"(\w{1,20}://)[^\s'\"]*")
_PATH = re.compile(r"(\burl: )[^\s'\"]+")
_SECRET_LETTERS = 8
"""A shorter part of an address is not a secret, and would be found in ordinary words."""


def harmless(found: object, most: int = LONGEST) -> str:
    r"""The text in one line of at most `most` characters, and "..." where it was longer.

    What is not printable is written as Python escapes it, such as \x1b or \u202e: control
    characters, line breaks, marks that change the direction of writing, lone surrogates.
    """
    text = found if isinstance(found, str) else str(found)
    shown = "".join(map(_visible, text[:most]))
    return shown[:most] + (_CUT if len(text) > most or len(shown) > most else "")


def without_secrets(text: str, url: str, most: int = LONGEST) -> str:
    """An error's text, harmless, without any address in it and without the parts of `url`.

    The part of an address behind its host, and a user's part, may hold a key.
    """
    try:
        parts = urlsplit(url)
    except ValueError:
        return harmless("an address that cannot be read", most)
    # More than is shown, because what is taken out of it makes it shorter; at its end half a
    # secret may stand, which is cut off.
    window = 4 * most + len(url)
    begin = text[:window]
    user = parts.netloc.rpartition("@")[0]
    words = [parts.path, parts.query, user, *re.split(r"[/&=:]", parts.path + "/" + parts.query)]
    cleaned = _PATH.sub(rf"\1{_CUT}", _ADDRESS.sub(rf"\1{_CUT}", begin))
    for word in sorted({*words, *user.split(":")}, key=len, reverse=True):
        if len(word) >= _SECRET_LETTERS:
            cleaned = cleaned.replace(word, _CUT)
    if len(text) > window:
        cleaned = cleaned[: -len(url)] + _CUT
    return harmless(cleaned, most)


def complain(program: str, text: object, most: int = 4 * LONGEST) -> None:
    """One line on stderr, made harmless; nothing where stderr takes none."""
    line = f"{program}: {harmless(text, most)}\n"
    encoding = sys.stderr.encoding or "ascii"
    with suppress(OSError):  # a full disk or a closed terminal: there is nowhere else to say it
        sys.stderr.write(line.encode(encoding, "backslashreplace").decode(encoding))
        sys.stderr.flush()


def _visible(one: str) -> str:
    return one if one.isprintable() else one.encode("unicode_escape").decode("ascii")
