"""The page of `scripts/demo --web`, built with whatever Node.js set-up has found."""

from __future__ import annotations

import shutil
import sys
from pathlib import Path

import pytest

from lab.rig.services import find_program
from lab.rig.web_demo import page_with_wallet


@pytest.mark.integration
def test_page_with_wallet__node_in_the_virtual_environment_alone__builds(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As on a machine without npm, where set-up takes it from PyPI."""
    environment, system = tmp_path / "environment", tmp_path / "system"
    for folder, names in ((environment, ("node", "npm")), (system, ("env", "sh"))):
        folder.mkdir()
        for name in names:
            found = find_program(name, Path(sys.executable).parent)
            assert found is not None
            (folder / name).symlink_to(found.resolve() if name != "npm" else found)
    monkeypatch.setattr(sys, "executable", str(environment / "python"))
    monkeypatch.setenv("PATH", str(system))
    assert shutil.which("node") is None

    copy = page_with_wallet(tmp_path)

    assert "test-wallet.js" in (copy / "index.html").read_text()
    assert (copy / "test-wallet.js").stat().st_size > 0
