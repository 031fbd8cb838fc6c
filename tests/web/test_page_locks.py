"""What the page is built from is pinned with hashes, and names no host to get it from."""

from __future__ import annotations

import json

import pytest

from lab.rig.services import ROOT

LOCKS = ("package-lock.json", "web/package-lock.json")


@pytest.mark.parametrize("lock", LOCKS)
def test_lock__every_package__has_a_hash_and_names_no_host(lock: str) -> None:
    packages = json.loads((ROOT / lock).read_text())["packages"]
    del packages[""]
    assert packages
    for name, package in packages.items():
        assert package["integrity"].startswith("sha512-"), name
        assert "resolved" not in package, name
