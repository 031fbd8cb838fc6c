"""The command line, `drill-provider`: what the contract's owner does, from a keystore."""

from __future__ import annotations

import re
import sys
from pathlib import Path
from typing import Annotated

import typer

from host.command_line import OneLineGroup
from host.foreign_text import harmless
from protocol.p256 import point_address
from provider import cli_relay
from provider.desk import Access, Desk
from provider.errors import ProviderError
from provider.overview import overview, running
from provider.plan import exact_address, read_tariff

MOST_LETTERS = 2_000
"""Of a line that is shown."""

NOBODY = "0x" + "00" * 20

MOST_AT_A_TIME = 64
"""Running rentals that one `collect` may name."""


def _group(help_text: str) -> typer.Typer:
    return typer.Typer(help=help_text, no_args_is_help=True, add_completion=False)


app = typer.Typer(
    name="drill-provider",
    cls=OneLineGroup,
    help="The provider's calls to a DrillMeter, each tried and shown before it is sent.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
)
bond, tariff, oracle = _group("The bond."), _group("Tariffs."), _group("Oracles: boxes' keys.")
drill, rental, owner = _group("Drills."), _group("Rentals."), _group("Who the provider is.")
operator = _group("Who may end rentals besides the provider.")
for name, group in (
    ("bond", bond),
    ("tariff", tariff),
    ("oracle", oracle),
    ("drill", drill),
    ("rental", rental),
    ("operator", operator),
    ("owner", owner),
    ("relay", cli_relay.app),
):
    app.add_typer(group, name=name)

Number = Annotated[int, typer.Argument(min=1)]
Amount = Annotated[str, typer.Argument(help="A number and its unit, such as '0.5 ether'.")]
ToOption = Annotated[str | None, typer.Option("--to", help="Who gets it; by default you.")]


@app.callback()
def common(  # noqa: PLR0917  typer calls it by keyword
    context: typer.Context,
    rpc: Annotated[
        str, typer.Option(envvar="DRILL_PROVIDER_RPC", help="The chain's endpoint.")
    ] = "",
    deployment: Annotated[
        Path, typer.Option(envvar="DRILL_PROVIDER_DEPLOYMENT", help="The deployment record.")
    ] = Path("deployment.json"),
    keystore: Annotated[
        Path | None,
        typer.Option(envvar="DRILL_PROVIDER_KEYSTORE", help="The provider's keystore."),
    ] = None,
    password_file: Annotated[
        Path | None,
        typer.Option(envvar="DRILL_PROVIDER_PASSWORD_FILE", help="The file with its password."),
    ] = None,
    yes: Annotated[bool, typer.Option("--yes", help="Send without asking.")] = False,
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help="Try the call, and send nothing.")
    ] = False,
) -> None:
    """What every command needs."""

    def confirm(question: str) -> bool:
        return yes or (sys.stdin.isatty() and typer.confirm(question))

    access = Access(rpc, deployment, keystore, password_file, dry_run)
    context.obj = Desk(access, lambda text: typer.echo(harmless(text, MOST_LETTERS)), confirm)


def _address(text: str) -> str:
    try:
        return exact_address(text)
    except ValueError as error:
        raise ProviderError(str(error)) from error


def _word(text: str) -> int:
    if not re.fullmatch(r"0x[0-9a-fA-F]{64}", text):
        raise ProviderError(f"{harmless(text, 80)} is not 0x and 64 hexadecimal digits")
    return int(text, 16)


@app.command()
def status(context: typer.Context) -> None:
    """Money, tariffs, oracles and drills."""
    desk: Desk = context.obj
    for line in overview(desk.meter, desk.asset):
        typer.echo(line)


@app.command()
def collect(
    context: typer.Context,
    to: ToOption = None,
    running_too: Annotated[
        bool, typer.Option("--running", help="Also take what running rentals have earned so far.")
    ] = False,
) -> None:
    """Take the revenue of closed rentals."""
    desk: Desk = context.obj
    rentals = running(desk.meter) if running_too else []
    for at in range(0, max(1, len(rentals)), MOST_AT_A_TIME):
        part = rentals[at : at + MOST_AT_A_TIME]
        desk.send("collect", "collect", part, _address(to or desk.wallet.address))


@app.command()
def pause(context: typer.Context) -> None:
    """Stop opening and topping up; settling, ending and withdrawing go on."""
    desk: Desk = context.obj
    desk.send("pause", "pause")


@app.command()
def unpause(context: typer.Context) -> None:
    """Allow opening and topping up again."""
    desk: Desk = context.obj
    desk.send("unpause", "unpause")


@bond.command("post")
def bond_post(context: typer.Context, amount: Amount) -> None:
    """Put money down for disputes to be paid from."""
    desk: Desk = context.obj
    desk.post_bond(desk.asset.parse(amount))


@bond.command("announce")
def bond_announce(context: typer.Context, amount: Amount) -> None:
    """Give notice that this amount will be taken out; 0 withdraws the notice."""
    desk: Desk = context.obj
    units = desk.asset.parse(amount)
    what = f"announce the release of {desk.asset.show(units)}"
    desk.send(what, "announce_bond_release", units)


@bond.command("release")
def bond_release(context: typer.Context, to: ToOption = None) -> None:
    """Take out what was announced, in the week after the notice."""
    desk: Desk = context.obj
    desk.send("release the bond", "release_bond", _address(to or desk.wallet.address))


@tariff.command("publish")
def tariff_publish(
    context: typer.Context,
    file: Annotated[Path, typer.Argument(help="A TOML file with a tariff table, as in a plan.")],
) -> None:
    """Publish a rate table; it can be retired and never changed."""
    desk: Desk = context.obj
    desk.send("publish a tariff", "publish_tariff", read_tariff(file).as_struct())


@tariff.command("retire")
def tariff_retire(context: typer.Context, number: Number) -> None:
    """Retire a tariff; rentals under it continue."""
    desk: Desk = context.obj
    desk.send(f"retire tariff {number}", "retire_tariff", number)


@oracle.command("enrol")
def oracle_enrol(context: typer.Context, x: str, y: str, r: str, s: str) -> None:
    """Make a P-256 key known: before it is registered or rotated to, or later.

    `drill-oracle keys enrolment` on the box prints these four words.
    """
    desk: Desk = context.obj
    point, signature = (_word(x), _word(y)), (_word(r), _word(s))
    what = f"enrol the P-256 key {point_address(*point)}"
    desk.send(what, "enrol_p256_key", *point, *(word.to_bytes(32, "big") for word in signature))


@oracle.command("register")
def oracle_register(context: typer.Context, key: str) -> None:
    """Register a box by the address of its signing key."""
    desk: Desk = context.obj
    desk.send("register an oracle", "register_oracle", _address(key))


@oracle.command("rotate")
def oracle_rotate(context: typer.Context, number: Number, key: str) -> None:
    """Replace an oracle's key, at once."""
    desk: Desk = context.obj
    desk.send(f"rotate the key of oracle {number}", "rotate_oracle", number, _address(key))


@oracle.command("revoke")
def oracle_revoke(context: typer.Context, number: Number) -> None:
    """Stop trusting an oracle, for good."""
    desk: Desk = context.obj
    desk.send(f"revoke oracle {number}", "revoke_oracle", number)


OracleOption = Annotated[int, typer.Option("--oracle", min=1, help="The box that meters it.")]
TariffOption = Annotated[
    int, typer.Option("--tariff", min=1, help="The tariff that it is on offer at.")
]


@drill.command("list")
def drill_list(
    context: typer.Context, label: str, oracle_number: OracleOption, tariff_number: TariffOption
) -> None:
    """Put a drill on offer; the label is public for ever."""
    desk: Desk = context.obj
    desk.send("list a drill", "list_drill", oracle_number, tariff_number, label)


@drill.command("reassign")
def drill_reassign(
    context: typer.Context,
    number: Number,
    oracle_number: OracleOption,
    tariff_number: TariffOption,
) -> None:
    """Give a free drill another box, or offer it at another tariff."""
    desk: Desk = context.obj
    what = f"reassign drill {number}"
    desk.send(what, "reassign_drill", number, oracle_number, tariff_number)


@drill.command("retire")
def drill_retire(context: typer.Context, number: Number) -> None:
    """Take a free drill off the offer, for good."""
    desk: Desk = context.obj
    desk.send(f"retire drill {number}", "retire_drill", number)


@rental.command("end")
def rental_end(context: typer.Context, number: Number) -> None:
    """End a customer's rental now, as the provider or the operator.

    Anybody may when it had nothing left for the grace period.
    """
    desk: Desk = context.obj
    desk.send(f"end rental {number}", "end_rental", number, owner=False)


@operator.command("set")
def operator_set(context: typer.Context, address: str) -> None:
    """Name who may end rentals besides you, and may do nothing else."""
    desk: Desk = context.obj
    desk.send("name the operator", "set_operator", _address(address))


@operator.command("clear")
def operator_clear(context: typer.Context) -> None:
    """Let nobody end rentals besides you and their customers."""
    desk: Desk = context.obj
    desk.send("name no operator", "set_operator", NOBODY)


@owner.command("transfer")
def owner_transfer(context: typer.Context, to: str) -> None:
    """Name who may become the provider; nothing changes until that account accepts."""
    desk: Desk = context.obj
    desk.send("offer the contract", "transfer_ownership", _address(to))


@owner.command("accept")
def owner_accept(context: typer.Context) -> None:
    """Become the provider, as the account that was named."""
    desk: Desk = context.obj
    desk.send("become the provider", "accept_ownership", owner=False)


if __name__ == "__main__":
    app()
