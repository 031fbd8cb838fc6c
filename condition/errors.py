"""Why nothing can be said about a drill's condition, or a person's word cannot be taken."""

from __future__ import annotations

from host.errors import PlainError


class ConditionError(PlainError):
    """Something about a drill's condition that a user or operator has to know about."""


class BookError(ConditionError):
    """The condition book, or the journal that it is kept from, cannot be read or written."""


class WordError(ConditionError):
    """What a person said of a part or a ticket cannot be taken; the message says what to add."""
