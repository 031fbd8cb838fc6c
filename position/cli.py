"""The command line, `drill-position`; the commands about fences and records are `cli_record`'s."""

from __future__ import annotations

import json
from typing import Annotated

import typer

from host.checks import check_as
from host.clock import SystemClock
from host.command_line import OneLineGroup
from host.log import configure_logs
from host.theft_reports import report_stolen, withdraw_report
from position import cli_record
from position.check import steps
from position.desk import Drill, Role, SettingsFile, Who, Why, open_desk, person
from position.looking import entry_of, look
from position.privacy import place_facts
from position.records import GroundKind, RecordKind
from position.run import boot_of_machine
from position.run import run as watch
from position.settings import load_position_settings
from position.status import facts, line

app = typer.Typer(
    name="drill-position",
    cls=OneLineGroup,
    help="Say whether drills are inside their fences, and where they are to whoever may know.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
)


@app.command("run")
def run_program(settings: SettingsFile) -> None:
    """Watch the drills until SIGTERM."""
    configure_logs()
    watch(load_position_settings(settings))


@app.command()
def check(
    settings: SettingsFile,
    user: Annotated[
        str | None, typer.Option(help="Check with the rights of this user, who is to run it.")
    ] = None,
) -> None:
    """Check all that `run` needs without changing anything, and say what is missing and what to do.

    Exit status: 0 nothing is missing, 1 something is, 2 it could not be checked.
    """
    check_as(user, lambda: steps(load_position_settings(settings)))


@app.command()
def status(
    settings: SettingsFile,
    as_json: Annotated[bool, typer.Option("--json", help="For programs.")] = False,
) -> None:
    """Say of each drill whether it is inside its fence, and how old the newest fix is; no place."""
    with open_desk(settings) as desk:
        moment_of_machine = SystemClock().monotonic_ms()
        found = [
            facts(
                drill.number,
                desk.records.standing(drill.number),
                desk.places.fence(drill.number),
                desk.records.grounds(drill.number),
                limits=desk.settings.fence.limits(),
                monotonic_ms=moment_of_machine,
                boot=boot_of_machine(),
            )
            for drill in desk.settings.drills
        ]
    typer.echo(json.dumps(found, indent=1) if as_json else "\n".join(map(line, found)))


@app.command("look")
def look_at(settings: SettingsFile, drill: Drill, who: Who, role: Role, why: Why) -> None:
    """Say exactly where a drill is, if there is a ground; the customer will see who looked and why.

    Grounds are that it has left its fence, a report of theft (`theft`), and that somebody was sent
    to fetch it (`fetch`).
    """
    by = person(who, role, why)
    with open_desk(settings, drill) as desk:
        roles = desk.settings.privacy.roles
        kept = look(desk.records, desk.places, drill, by, now_ms=desk.now_ms, roles=roles)
    if kept is None:
        typer.echo(
            "No place has been kept yet: the receiver has had no fix since the ground began."
        )
        return
    typer.echo(json.dumps(place_facts(kept), indent=1))


@app.command()
def theft(
    settings: SettingsFile,
    drill: Drill,
    who: Who,
    why: Why,
    withdraw: Annotated[bool, typer.Option("--withdraw", help="It has been found.")] = False,
) -> None:
    """Report a drill stolen: it does not start again until the report is withdrawn.

    A stroke that is under way goes on. The exact place is kept from now on.
    """
    by = person(who, "theft report", why)
    with open_desk(settings, drill) as desk:
        folder = desk.settings.theft_folder
        if withdraw:
            entry = entry_of(desk.places, drill, desk.now_ms, RecordKind.NOT_STOLEN, by)
            desk.records.note(entry, ends=GroundKind.THEFT)
            withdraw_report(folder, drill)
        else:
            entry = entry_of(desk.places, drill, desk.now_ms, RecordKind.STOLEN, by)
            desk.records.note(entry, opens=GroundKind.THEFT)
            report_stolen(folder, drill)


@app.command()
def fetch(
    settings: SettingsFile,
    drill: Drill,
    who: Who,
    why: Why,
    done: Annotated[bool, typer.Option("--done", help="It has been fetched.")] = False,
) -> None:
    """Note that somebody is sent to fetch a drill: from now on its exact place is kept."""
    by = person(who, "fetch order", why)
    with open_desk(settings, drill) as desk:
        what = RecordKind.FETCHED if done else RecordKind.FETCH
        kind = GroundKind.FETCH
        entry = entry_of(desk.places, drill, desk.now_ms, what, by)
        desk.records.note(entry, opens=None if done else kind, ends=kind if done else None)


app.command("fence")(cli_record.fence)
app.command("export")(cli_record.export_record)
app.command("erase")(cli_record.erase_places)
