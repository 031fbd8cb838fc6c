"""The command line of `scripts/box`."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from host.command_line import OneLineCommand
from provider.box import BoxOrder, make_box
from provider.box_settings import BROKER_PORT
from provider.errors import BoxError
from provider.known_keys import is_local
from provider.node import open_node
from provider.plan import read_plan

app = typer.Typer(add_completion=False, pretty_exceptions_enable=False)


@app.command(name="box", cls=OneLineCommand)
def box(  # noqa: PLR0917  typer calls it by keyword
    name: Annotated[str, typer.Argument(help="What the box is called, such as workshop.")],
    rpc: Annotated[list[str], typer.Option(help="An endpoint of the chain; several are better.")],
    plan: Annotated[Path, typer.Option(help="The deployment's plan, a TOML file.")],
    port: Annotated[
        list[str] | None, typer.Option(help="A drill's serial port: N=/dev/serial/by-id/...")
    ] = None,
    deployment: Annotated[
        Path | None,
        typer.Option(help="The deployment record; by default deployments/CHAIN_ID.json."),
    ] = None,
    out: Annotated[Path, typer.Option(help="Where the box's folder is made.")] = Path("boxes"),
    host: Annotated[
        list[str] | None, typer.Option(help="A name under which others reach the box.")
    ] = None,
    finality: Annotated[
        str, typer.Option(help="When a deposit counts: latest-N, safe or finalized.")
    ] = "finalized",
    asset_units_per_ether: Annotated[
        int | None,
        typer.Option(help="With a token: what one coin is worth, in the token's smallest unit."),
    ] = None,
    page_rpc: Annotated[
        str | None,
        typer.Option(
            help="Serve the page too; browsers ask this endpoint, so it must hold no key."
        ),
    ] = None,
    here: Annotated[
        bool,
        typer.Option("--here", help="The programs will run on this machine, from this folder."),
    ] = False,
    broker_port: Annotated[int, typer.Option(help="Where the broker listens.")] = BROKER_PORT,
) -> None:
    """Make the keys, certificates, settings and units of one box, as far as they can be made yet.

    It says what is left for you to do. Run it again after each step: existing files are never
    overwritten.
    """
    node = open_node(rpc[0])
    chain_id = node.chain_id()
    known = is_local(chain_id, "", said_to_be=False)
    order = BoxOrder(
        name=require_name(name),
        folder=(out / name).resolve(),
        plan=plan,
        rpc_urls=tuple(rpc),
        record=deployment or Path("deployments") / f"{chain_id}.json",
        ports=read_ports(port or []),
        hosts=tuple(host or ()),
        finality=finality,
        asset_units_per_ether=asset_units_per_ether,
        page_rpc=page_rpc,
        here=here,
        broker_port=broker_port,
    )
    left = make_box(order, node, read_plan(plan), typer.echo)
    if known:
        typer.echo(f"chain {chain_id} is a local one: nothing on it is worth anything")
    typer.echo("left for you to do:")
    for number, task in enumerate(left, 1):
        typer.echo(f"  {number}. {task}")


def require_name(name: str) -> str:
    """The name, if it will do as a folder's; raises BoxError."""
    if not name.isascii() or not name.replace("-", "").isalnum() or name.startswith("-"):
        raise BoxError(f"a box's name is letters, digits and '-', not {name!r}")
    return name


def read_ports(given: list[str]) -> dict[int, str]:
    """Ports by drill; raises BoxError for anything but N=PORT."""
    found: dict[int, str] = {}
    for text in given:
        drill, sign, port = text.partition("=")
        if not (drill.isascii() and drill.isdigit() and sign and port) or int(drill) in found:
            raise BoxError(f"--port {text}: write one for each drill, as N=/dev/serial/by-id/...")
        found[int(drill)] = port
    if len(set(found.values())) < len(found):
        raise BoxError("--port: two drills at one port")
    return found


if __name__ == "__main__":
    app()
