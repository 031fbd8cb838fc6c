"""docs/peers.json and its table against the contracts of others, from their own packages."""

from __future__ import annotations

import json
from dataclasses import asdict, replace

import pytest

from lab.bench.peer_packages import FLOW, fetched
from lab.bench.peers import PeerFigure, measure_peers, peers_table
from lab.rig.errors import RigError
from lab.rig.services import ROOT

pytestmark = pytest.mark.integration

COMMITTED = ROOT / "docs" / "peers.json"
HALF_A_PERCENT = 200


def committed() -> list[PeerFigure]:
    return [PeerFigure(**figure) for figure in json.loads(COMMITTED.read_text())]


def test_peers__measured_anew__are_as_committed() -> None:
    for found, kept in zip(measure_peers(), committed(), strict=True):
        assert found.who == kept.who
        for name, amount in asdict(found).items():
            if isinstance(amount, int):
                known = getattr(kept, name)
                assert abs(amount - known) <= known // HALF_A_PERCENT, f"{found}; {kept}"


def test_peers__in_the_page__are_those_of_the_file() -> None:
    assert peers_table(committed()) in (ROOT / "docs" / "gas.md").read_text("utf-8")


def test_fetched__archive_of_another_hash__is_refused() -> None:
    with pytest.raises(RigError, match=r"SHA-512 .* expected AAAA"):
        fetched(replace(FLOW, sha512="AAAA"))
