"""The commands `drill-controller` (a simulated drill) and `drill-bridge` (for any drill)."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from dataclasses import asdict
from pathlib import Path
from typing import Annotated

import structlog
import typer

from device.bridge import service
from device.bridge.check import steps
from device.bridge.settings import load_settings
from device.bridge.spool import Spool
from device.drill import simulator
from device.drill.spindle import LoadSource, PresetLoads
from device.drill.trace import DEAD_BAND_RPM, Direction, read_trace
from device.errors import SpoolError
from host.checks import check_as
from host.command_line import CheckUser, OneLineCommand, OneLineGroup, SettingsFile
from host.errors import SettingsError
from host.log import configure_logs
from protocol.errors import RecordError
from protocol.leases import Provisioning
from protocol.records import Domain

controller = typer.Typer(add_completion=False, pretty_exceptions_enable=False)
bridge = typer.Typer(
    name="drill-bridge",
    cls=OneLineGroup,
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
)


@controller.command("drill-controller", cls=OneLineCommand)
def run_controller(  # noqa: PLR0917  typer calls it by keyword
    drill: Annotated[int, typer.Option(help="The drill's number in the contract.")],
    oracle_key: Annotated[str, typer.Option(help="Address that leases must be signed by.")],
    chain_id: Annotated[int, typer.Option(help="Chain of the contract.")],
    contract: Annotated[str, typer.Option(help="Address of the contract.")],
    port_link: Annotated[Path, typer.Option(help="Symbolic link to create to the serial port.")],
    operator: Annotated[Path, typer.Option(help="Unix socket to create for the operator.")],
    memory: Annotated[Path, typer.Option(help="File that holds the non-volatile memory.")],
    next_oracle_key: Annotated[
        str | None,
        typer.Option(help="A second address that may sign leases, while keys are rotated."),
    ] = None,
    trace: Annotated[Path | None, typer.Option(help="CSV file to replay.")] = None,
    columns: Annotated[
        str | None,
        typer.Option(
            help="Its columns' names, such as rpm=SPEED,torque=LOAD; rps=NAME instead of "
            "rpm, time=NAME and level=NAME if it has them."
        ),
    ] = None,
    sample_period_ms: Annotated[
        int | None, typer.Option(help="Time between rows of a trace without a time column.")
    ] = None,
    dead_band_rpm: Annotated[
        float, typer.Option(help="A slower spindle counts as at rest, in a trace.", min=0)
    ] = DEAD_BAND_RPM,
    forward_only: Annotated[
        bool, typer.Option("--forward-only", help="Refuse a trace that turns backwards.")
    ] = False,
    seed: Annotated[int, typer.Option(help="Seed of the simulated noise.")] = 1,
) -> None:
    """Simulate a drill: its controller at a pseudo-terminal, its spindle, its operator."""
    configure_logs()
    options = simulator.Options(
        provisioning=_provisioning(drill, (oracle_key, next_oracle_key), chain_id, contract),
        port_link=port_link,
        operator=operator,
        memory=memory,
        loads=_loads(
            trace, columns, sample_period_ms, Direction(dead_band_rpm, forward=forward_only)
        ),
        seed=seed,
    )
    simulator.run(options)


@bridge.callback()
def bridge_group() -> None:
    """The bridge between a drill's serial port and the broker."""


@bridge.command("run")
def run_bridge(settings: SettingsFile) -> None:
    """Run until stopped."""
    configure_logs()
    service.run(load_settings(settings))


@bridge.command("check")
def check_bridge(settings: SettingsFile, user: CheckUser = None) -> None:
    """Check all that `run` needs without changing anything, and say what is missing and what to do.

    Exit status: 0 nothing is missing, 1 something is, 2 it could not be checked.
    """
    check_as(user, lambda: steps(load_settings(settings)))


@bridge.command("replace-controller")
def replace_controller(settings: SettingsFile) -> None:
    """Continue with a new controller board, whose memory counts from 1 again.

    Stop the bridge first, after it has said that the controller was replaced.
    """
    with _stopped_spool(settings) as (spool, drill):
        first = spool.replace_controller()
        typer.echo(
            f"drill {drill}: the new controller's samples are numbered from {first} on. Start the "
            "bridge, and have the drill's rental ended: it is billed up to the last sample of the "
            "former controller, and leases come with the next rental"
        )


@bridge.command("drop-damaged")
def drop_damaged(settings: SettingsFile) -> None:
    """Drop stored samples that the disk has damaged, so that later ones can be sent.

    Stop the bridge first. What is dropped counts as missing for good, and is not billed.
    """
    with _stopped_spool(settings) as (spool, drill):
        damaged = spool.drop_damaged()
        named = ", ".join(map(str, damaged[:20])) + (", ..." if len(damaged) > 20 else "")
        which = f": {named}" if damaged else ""
        typer.echo(f"drill {drill}: {len(damaged)} damaged samples dropped{which}")


@contextlib.contextmanager
def _stopped_spool(path: Path) -> Iterator[tuple[Spool, int]]:
    """The spool of a bridge that does not run, and its drill."""
    settings = load_settings(path)
    if not settings.spool.exists():
        raise SpoolError(f"{settings.spool}: there is no spool")
    spool = Spool(settings.spool, settings.drill, settings.spool_max_samples)
    try:
        yield spool, settings.drill
    finally:
        spool.close()


def _provisioning(
    drill: int, oracle_keys: tuple[str, str | None], chain_id: int, contract: str
) -> Provisioning:
    if not 1 <= drill < 2**32:
        raise SettingsError(f"--drill: drill numbers lie in 1 .. 2^32-1, not {drill}")
    try:
        domain = Domain(chain_id, contract)
        for key in oracle_keys:
            if key is not None:
                Domain(chain_id, key)  # an address has the same form
    except RecordError as error:
        raise SettingsError(f"--chain-id, --contract, --oracle-key: {error}") from error
    return Provisioning(drill, oracle_keys[0], domain, oracle_keys[1])


def _loads(
    trace: Path | None, columns: str | None, sample_period_ms: int | None, direction: Direction
) -> LoadSource:
    if trace is None:
        if columns is not None or sample_period_ms is not None:
            raise SettingsError("--columns and --sample-period-ms need --trace")
        return PresetLoads()
    if columns is None:
        raise SettingsError("--trace needs --columns rpm=NAME,torque=NAME")
    found = read_trace(trace, columns, sample_period_ms, direction)
    structlog.get_logger().info("trace read", **asdict(found.notes))
    return found
