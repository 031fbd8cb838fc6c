"""What endpoints agree on, decided from what each of them has."""

from __future__ import annotations

import pytest

from protocol.headers import Header
from protocol.quorum import Agreed, Disagreement, Undecided, agree, majority


def block(number: int, branch: str = "a", parent: str | None = None) -> Header:
    """A header of a branch; its parent is of the same one unless told otherwise."""
    return Header(
        number,
        f"{branch}{number}",
        f"{parent or branch}{number - 1}",
        number,
        bytes(32),
        bytes(32),
        bytes(256),
        proven=True,
    )


def test_agree__all_have_one_block__that_one() -> None:
    newest = {"x": block(9), "y": block(9), "z": block(9)}

    assert agree(newest, {}, 2) == Agreed(9, "a9")


def test_agree__one_is_a_block_ahead__the_block_of_the_quorum() -> None:
    assert agree({"x": block(10), "y": block(9)}, {}, 2) == Agreed(9, "a9")


def test_agree__quorum_is_ahead_of_one__the_newer_block() -> None:
    assert agree({"x": block(10), "y": block(10), "z": block(3)}, {}, 2) == Agreed(10, "a10")


def test_agree__one_is_far_ahead__has_to_be_asked_for_the_block_of_the_others() -> None:
    newest = {"x": block(20), "y": block(9)}

    assert agree(newest, {}, 2) == Undecided(9, ("x",))
    assert agree(newest, {"x": block(9)}, 2) == Agreed(9, "a9")


def test_agree__made_up_height__cannot_raise_the_agreed_block() -> None:
    newest = {"liar": block(10**6, "b"), "y": block(9), "z": block(9)}

    assert agree(newest, {}, 2) == Agreed(9, "a9")


def test_agree__last_block_on_two_branches__the_parent_of_both() -> None:
    newest = {"x": block(9), "y": block(9, "b", parent="a")}

    assert agree(newest, {}, 2) == Agreed(8, "a8")


def test_agree__two_chains__disagreement_that_names_all() -> None:
    newest = {"x": block(9), "y": block(9, "b"), "z": block(9, "c")}

    result = agree(newest, {}, 2)

    assert isinstance(result, Disagreement)
    assert str(result) == "endpoints disagree about block 9: x has a9, y has b9, z has c9"


def test_agree__far_ahead_on_another_chain__disagreement() -> None:
    newest = {"x": block(20, "b"), "y": block(9)}

    assert isinstance(agree(newest, {"x": block(9, "b")}, 2), Disagreement)


def test_agree__quorum_of_all__one_liar_is_enough_for_none() -> None:
    newest = {"x": block(9), "y": block(9), "liar": block(9, "b")}

    assert isinstance(agree(newest, {}, 3), Disagreement)
    assert agree(newest, {}, 2) == Agreed(9, "a9")


def test_agree__quorum_of_one__disagreement_of_two_is_still_one() -> None:
    assert agree({"x": block(9)}, {}, 1) == Agreed(9, "a9")
    assert isinstance(agree({"x": block(9), "y": block(9, "b")}, {}, 1), Disagreement)


def test_agree__too_few_answers__value_error() -> None:
    with pytest.raises(ValueError, match="1 endpoints answer, 2 have to agree"):
        agree({"x": block(9)}, {}, 2)


def test_majority__two_sides_of_equal_weight__none() -> None:
    assert majority({"w": 1, "x": 1, "y": 2, "z": 2}, 2) is None
    assert majority({"w": 1, "x": 1, "y": 2}, 2) == 1
    assert majority({}, 1) is None
