"""A box as a provider would make it, installed in a new root: is all of it as it has to be?

python -m lab.fresh.box make FOLDER     the folder that `scripts/box` makes, and the wheel
python -m lab.fresh.box look ROOT SAID  the root after `install`, and what it said
"""

from __future__ import annotations

import shutil
import stat
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

from lab.rig.contract import compile_drill_meter
from lab.rig.errors import RigError
from lab.rig.roles import build_wheel
from lab.rig.services import ROOT, Anvil
from provider.box import BoxOrder, make_box
from provider.deployment import Code, DeploymentOrder, deploy
from provider.node import ProviderNode, http_transport
from provider.plan import read_plan
from provider.sending import Sender
from provider.wallet import KeystoreWallet

COINS = hex(10**21)

OWNERS = {
    "etc/drill-oracle": ("drill-oracle", 0o700),
    "etc/drill-bridge": ("drill-oracle", 0o700),
    "etc/drill-http": ("drill-http", 0o700),
    "etc/mosquitto/drill": ("mosquitto", 0o700),
    "var/lib/drill-oracle": ("drill-oracle", 0o700),
    "var/lib/drill-bridge": ("drill-oracle", 0o700),
    "srv/drill-samples": ("drill-oracle", 0o755),
    "opt/smart-drill": ("root", 0o755),
}
"""Folders, who owns them, and their modes."""

SECRETS = ("etc/drill-oracle", "etc/drill-bridge", "etc/drill-http", "etc/mosquitto/drill")
"""Folders whose files only the folder's owner may read."""

UNITS = ("drill-bridge@.service", "drill-oracle.service", "drill-http.service")
ENABLED = ("drill-bridge@1.service", "drill-bridge@2.service")
"""The oracle is enabled when its check finds nothing missing, which it does here."""

MISSING = ("endpoints", "broker")
"""Nothing runs in the root, so these are what `drill-oracle check` has to name."""


def make(folder: Path) -> None:
    """Deploy on a local chain, and make the folder of a box with the page, and its wheel."""
    with (
        tempfile.TemporaryDirectory(prefix="box-") as name,
        Anvil(Path(name) / "anvil", chain_id=84532) as anvil,
    ):
        work = Path(name)
        plan = read_plan(ROOT / "scripts" / "deployment-plan.toml")
        node = ProviderNode(http_transport(anvil.url), "anvil")
        order = BoxOrder(
            name="workshop",
            folder=work / "workshop",
            plan=ROOT / "scripts" / "deployment-plan.toml",
            rpc_urls=(anvil.url,),
            record=work / "record.json",
            ports={1: "/dev/serial/by-id/one", 2: "/dev/serial/by-id/two"},
            page_rpc=anvil.url,
        )
        make_box(order, node, plan, _say)
        key = (order.folder / "oracle-key").read_text("utf-8").strip()
        plan = plan.model_copy(update={"oracle_key": key})
        wallet = KeystoreWallet(b"\x31" * 32)
        anvil.rpc("anvil_setBalance", wallet.address, COINS)
        made = compile_drill_meter()
        code = Code("vyper", *(bytes.fromhex(one[2:]) for one in (made.bytecode, made.runtime)))
        deploy(DeploymentOrder(plan, code, order.record), Sender(node, wallet, _say), _say)
        make_box(order, node, plan, _say)
        shutil.copytree(order.box, folder)
        shutil.copy(build_wheel(work), folder)


def look(root: Path, said: str) -> list[str]:
    """What is not as it has to be after `install` in `root`; empty when all is well."""
    return [*_wrong_owners(root), *_wrong_units(root), *_wrong_words(said)]


def _wrong_owners(root: Path) -> Iterator[str]:
    users = {
        int(fields[2]): fields[0]
        for fields in (
            line.split(":") for line in (root / "etc/passwd").read_text("utf-8").splitlines()
        )
    }
    for name, (owner, mode) in OWNERS.items():
        yield from _differs(root / name, users, owner, mode)
    for name in SECRETS:
        files = [*(root / name).iterdir()]
        if not files:
            yield f"/{name} is empty"
        for path in files:
            yield from _differs(path, users, OWNERS[name][0], 0o600)
    if not (root / "srv/drill-page/index.html").is_file():
        yield "/srv/drill-page has no page"


def _differs(path: Path, users: dict[int, str], owner: str, mode: int) -> Iterator[str]:
    if not path.exists():
        yield f"{path} is not there"
        return
    found = path.stat()
    is_so = (users.get(found.st_uid), stat.S_IMODE(found.st_mode))
    if is_so != (owner, mode):
        yield f"{path} is of {is_so[0]} with mode {is_so[1]:o}, not of {owner} with {mode:o}"


def _wrong_units(root: Path) -> Iterator[str]:
    for unit in UNITS:
        yield from _differs(root / "etc/systemd/system" / unit, {0: "root"}, "root", 0o644)
    wanted = {path.name for path in (root / "etc/systemd/system").glob("multi-user.target.wants/*")}
    if {name for name in wanted if name.startswith("drill-")} != {*ENABLED}:
        yield f"enabled are {sorted(wanted)}, not {ENABLED}"
    programs = {path.name for path in (root / "usr/local/bin").iterdir()}
    if not {"drill-oracle", "drill-bridge", "drill-http"} <= programs:
        yield f"/usr/local/bin has {sorted(programs)}"


def _wrong_words(said: str) -> Iterator[str]:
    named = {
        line.removeprefix("MISSING").strip().partition(":")[0]
        for line in said.splitlines()
        if line.startswith("MISSING")
    }
    if not {*MISSING} <= named:
        yield f"the check names {sorted(named)} as missing, not {MISSING}"
    if "Traceback" in said:
        yield "there is a traceback in what it says"


def _say(text: str) -> None:
    sys.stderr.write(f"   {text}\n")


def main() -> None:
    """Do the one that the command line names."""
    match sys.argv[1:]:
        case ["make", folder]:
            make(Path(folder))
        case ["look", root, said]:
            wrong = look(Path(root), Path(said).read_text("utf-8"))
            for one in wrong:
                sys.stderr.write(f"fresh: {one}\n")
            sys.exit(bool(wrong))
        case _:
            raise RigError("make FOLDER, or look ROOT SAID")


if __name__ == "__main__":
    main()
