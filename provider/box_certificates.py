"""A box's certificates and access list, by the script that makes them."""

from __future__ import annotations

import subprocess
from collections.abc import Iterable
from pathlib import Path

from provider.box_files import copy_secrets, write_secret
from provider.box_settings import BoxFacts, Places
from provider.errors import BoxError
from provider.sending import Say

SCRIPT = Path(__file__).resolve().parents[1] / "scripts" / "certificates"
SECONDS = 60


def make_certificates(
    folder: Path, box: Path, hosts: Iterable[str], facts: BoxFacts, say: Say
) -> None:
    """The broker's and each program's, by the shipped script, and where they belong."""
    authority, here = folder / "authority", Places(box)
    if not (authority / "ca.crt").exists():
        _run_certificates("ca", authority)
        say(f"new authority in {authority}; its passphrase is {authority}.passphrase")
    if not (authority / "server.crt").exists():
        _run_certificates("server", authority, "127.0.0.1", "localhost", *hosts)
    names = {f"oracle-{facts.oracle}": here.oracle}
    names |= {f"bridge-{drill}": here.bridges for drill in facts.drills}
    if facts.page_rpc is not None:
        names["page"] = here.page
    for name, place in names.items():
        if not (authority / f"{name}.crt").exists():
            _run_certificates("client", authority, name)
        copy_secrets(authority, ("ca.crt", f"{name}.crt", f"{name}.key"), place)
    copy_secrets(authority, ("ca.crt", "server.crt", "server.key"), here.broker)
    drills = ",".join(map(str, facts.drills))
    access = _run_certificates("acl", f"oracle-{facts.oracle}={drills}")
    write_secret(here.broker / "drill.acl", access.rstrip("\n"), anew=True)


def _run_certificates(*arguments: str | Path) -> str:
    """The script's output; raises BoxError with its last line."""
    try:
        done = subprocess.run(  # noqa: S603  our script, and names that it checks
            [SCRIPT, *arguments],
            capture_output=True,
            text=True,
            timeout=SECONDS,
            check=False,
        )
    except (OSError, subprocess.TimeoutExpired) as error:
        raise BoxError(f"{SCRIPT}: {error}") from error
    if done.returncode != 0:
        raise BoxError((done.stderr.strip().splitlines() or ["certificates failed"])[-1])
    return done.stdout
