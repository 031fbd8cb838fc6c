"""What lies ready in a checkout and goes to a box: units, compose file, the broker's configuration,
what installs them, and the page."""

from __future__ import annotations

import shutil
from collections.abc import Mapping
from pathlib import Path

from provider.box_files import write_once
from provider.box_settings import BoxFacts, Places, broker_settings, compose_file, page_settings
from provider.errors import BoxError
from provider.sending import Say

CHECKOUT = Path(__file__).resolve().parents[1]
SHIPPED = CHECKOUT / "box"


def put_shipped(box: Path, facts: BoxFacts, ports: Mapping[int, str | None], say: Say) -> None:
    """Units, users and folders, compose file and the broker's configuration, and what installs
    all of it."""
    units, broker = box / "etc/systemd/system", box / "etc/mosquitto/conf.d"
    for folder in (units, broker):
        folder.mkdir(mode=0o755, parents=True, exist_ok=True)
    page = ("drill-http",) if facts.page_rpc is not None else ()
    for name in ("drill-oracle", "drill-bridge@", *page):
        unit = f"{name}.service"
        write_once(units / unit, (SHIPPED / unit).read_text("utf-8"), say)
    for kind in ("sysusers", "tmpfiles"):
        folder = box / "etc" / f"{kind}.d"
        folder.mkdir(mode=0o755, exist_ok=True)
        for name in ("drill-oracle", *page):
            text = (SHIPPED / f"{name}.{kind}").read_text("utf-8")
            write_once(folder / f"{name}.conf", text, say)
    text = broker_settings((SHIPPED / "mosquitto.conf").read_text("utf-8"), facts)
    write_once(broker / "drill.conf", text, say)
    if None not in ports.values():
        text = compose_file((SHIPPED / "compose.yaml").read_text("utf-8"), ports)
        write_once(box / "compose.yaml", text, say)
    shutil.copy(SHIPPED / "install", box / "install")
    locks = box / "requirements"
    locks.mkdir(mode=0o755, exist_ok=True)
    for role in ("oracle", "bridge", *(("http",) if page else ())):
        shutil.copy(CHECKOUT / "requirements" / f"{role}.lock", locks)


def put_page(box: Path, facts: BoxFacts, rpc_url: str, say: Say) -> None:
    """The page as this checkout has built it, and its settings; raises BoxError for none."""
    built, here = CHECKOUT / "web" / "dist", Places(box)
    if not (built / "index.html").exists():
        raise BoxError(f"there is no page in {built}; run scripts/page")
    if here.page_files.exists():
        shutil.rmtree(here.page_files)  # so that no file of the page before is left
    here.page.mkdir(mode=0o700, exist_ok=True)
    shutil.copytree(built, here.page_files)
    write_once(here.page / "deployment.json", facts.record.model_dump_json(indent=2) + "\n", say)
    write_once(here.page / "http.toml", page_settings(facts, rpc_url), say)
