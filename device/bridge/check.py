"""What `drill-bridge check` looks at: all that `run` needs, and nothing is changed by it.

The port is not opened: that would raise lines which reset some controllers.
"""

from __future__ import annotations

import os
import sqlite3
import stat
from pathlib import Path

from device.bridge.rpc import WitnessNode
from device.bridge.settings import BridgeSettings, StrictSettings
from device.bridge.spool_versions import SCHEMA, copy_of, written
from device.errors import WitnessError
from host import broker_check, database_check
from host.checks import CheckLine, CheckStep, Mark, MissingError, NoteError, who_looks
from host.database_copy import lack_of_room
from host.errors import SchemaError
from host.schema import said
from host.secret_files import read_message_key


def steps(settings: BridgeSettings) -> list[CheckStep]:
    """In the order in which they are said."""
    name = f"bridge-{settings.drill}"
    reserve = settings.spool_reserve_megabytes
    return [
        CheckStep("looking as", who_looks),
        CheckStep("settings", lambda: f"drill {settings.drill}"),
        CheckStep("message key", lambda: _message_key(settings.message_key_file)),
        CheckStep("port", lambda: _ports(settings)),
        CheckStep("spool", lambda: _spool(settings.spool, settings.drill)),
        CheckStep(
            "disk", lambda: database_check.space(settings.spool, reserve, "spool_reserve_megabytes")
        ),
        CheckStep("broker certificate", lambda: broker_check.certificate(settings.broker, name)),
        CheckStep("broker", lambda: _broker(settings), ("broker certificate",)),
        CheckStep("strict mode", lambda: _strict(settings.strict)),
    ]


def _message_key(path: Path) -> str:
    read_message_key(path, "message key")
    return f"{path}; the oracle must have the same for this drill"


def _ports(settings: BridgeSettings) -> str:
    """One of the ports is there and may be used; at which the drill is, only opening tells."""
    faults = [fault for port in settings.ports if (fault := _fault(Path(port)))]
    if len(faults) == len(settings.ports):
        raise MissingError("; ".join(faults))
    used = ", in use by the bridge that runs" if database_check.is_locked(settings.spool) else ""
    there = ", ".join(settings.ports)
    others = f"; {'; '.join(faults)}" if faults else ""
    return f"{there}{used}; the drill's number is asked when the bridge starts{others}"


def _fault(port: Path) -> str:
    try:
        found = port.stat()
    except OSError as error:
        return (
            f"{port}: {error.strerror}; plug the cable in, and see /dev/serial/by-id for its name"
        )
    if not stat.S_ISCHR(found.st_mode):
        return f"{port} is not a serial port"
    if not os.access(port, os.R_OK | os.W_OK):
        return f"{port} may not be used; add who runs the bridge to the port's group (dialout)"
    return ""


def _spool(path: Path, drill: int) -> str:
    place = database_check.writable(path)
    if not path.exists():
        return place
    used = ", in use by a bridge that runs" if database_check.is_locked(path) else ""
    with database_check.looked_into(path) as database:
        if database is None:
            return f"{path}{used}; it was not closed, and is looked into when the bridge starts"
        if not database_check.has_table(database, "mark"):
            return f"{path}{used}, empty"
        news = _upgrade(database, path)
        row = database.execute("SELECT value FROM mark WHERE name = 'drill'").fetchone()
        count = database.execute("SELECT count(*) FROM sample").fetchone()[0]
    if row is not None and row[0] != drill:
        raise MissingError(f"{path} is the spool of drill {row[0]}; give each drill its own")
    text = f"{path}{used}, {count} samples wait for the oracle"
    if news:
        raise NoteError(f"{text}; {news}")
    return text


def _upgrade(database: sqlite3.Connection, path: Path) -> str:
    """What `run` will do to a spool of a former release; empty for nothing. Raises MissingError."""
    found = written(database)
    if found is None:
        return ""
    try:
        steps = SCHEMA.due(found, str(path))
        fault = lack_of_room(path, path.parent) if steps else None
    except SchemaError as error:
        raise MissingError(str(error)) from error
    except OSError as error:
        raise MissingError(f"{path}: {error.strerror}") from error
    if fault is not None:
        raise MissingError(f"the upgrade of the spool makes a copy of it first, but {fault}")
    if not steps:
        return ""
    return (
        f"version {found.version}, which `run` brings to {steps[-1].number} ({said(steps)}), and "
        f"first copies to {copy_of(path, found.version)}"
    )


def _broker(settings: BridgeSettings) -> str:
    broker = settings.broker
    if database_check.is_locked(settings.spool):
        raise NoteError(
            f"{broker.host}:{broker.port} is not tried: a bridge with this spool is running, and a "
            "second connection under its name would end its own"
        )
    return broker_check.connection(broker, f"drill-bridge-{settings.drill}-check")


def _strict(strict: StrictSettings | None) -> str | list[CheckLine]:
    if strict is None:
        return "off: whoever holds the oracle's key can start the drill"
    found, fit = [], 0
    for url in strict.rpc_urls:
        node = WitnessNode(url, strict.chain_id, strict.request_timeout_seconds)
        try:
            head = node.header("latest")
        except WitnessError as error:
            found.append(CheckLine(Mark.NOTE, f"endpoint {node.place}", f"NOT FIT: {error}"))
            continue
        fit += 1
        found.append(CheckLine(Mark.OK, f"endpoint {node.place}", f"block {head.number}"))
    enough = fit >= strict.quorum
    text = f"{fit} of {len(strict.rpc_urls)} endpoints are fit, {strict.quorum} must agree"
    return [*found, CheckLine(Mark.OK if enough else Mark.MISSING, "strict mode", text)]
