"""`drill-provider relay`: sending what customers without coins for gas have signed."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from host.keystores import open_keystore
from provider.desk import Desk
from provider.errors import ProviderError
from provider.relay.limits import RelayLimits
from provider.relay.run import RelayOrder, balance_wei, looked_at, run
from provider.relay.sending_chain import RelayAccount
from provider.sending import coins

DEFAULTS = RelayLimits()

app = typer.Typer(
    help="Send what customers without coins for gas have signed.",
    no_args_is_help=True,
    add_completion=False,
)


def _keys(desk: Desk) -> tuple[Path, Path]:
    keystore, password_file = desk.keystore_files
    if keystore is None or password_file is None:
        raise ProviderError("the relay pays for gas: name --keystore and --password-file")
    return keystore, password_file


@app.command("run")
def relay_run(  # noqa: PLR0917  typer calls it by keyword
    context: typer.Context,
    book: Annotated[Path, typer.Option(help="The file that keeps orders; made if need be.")],
    host: Annotated[str, typer.Option(help="The address to listen on.")] = "127.0.0.1",
    port: Annotated[int, typer.Option(min=0, max=65_535, help="The port.")] = 8090,
    customer_orders: Annotated[
        int, typer.Option(min=1, help="Orders an hour for one customer.")
    ] = DEFAULTS.customer_orders,
    orders: Annotated[int, typer.Option(min=1, help="Orders an hour for all.")] = DEFAULTS.orders,
    day_gas: Annotated[
        int, typer.Option(min=100_000, help="Gas a day for all.")
    ] = DEFAULTS.day_gas,
    highest_gwei: Annotated[
        int, typer.Option(min=1, help="The dearest unit of gas, in 10^9 wei.")
    ] = DEFAULTS.highest_fee_wei // 10**9,
) -> None:
    """Take orders over HTTP and send them, until SIGTERM."""
    desk: Desk = context.obj
    limits = RelayLimits(
        customer_orders=customer_orders,
        orders=orders,
        day_gas=day_gas,
        highest_fee_wei=highest_gwei * 10**9,
    )
    run(RelayOrder(*_keys(desk), book, host, port, limits), desk.meter, desk.record)


@app.command("check")
def relay_check(context: typer.Context) -> None:
    """Look at all that `run` needs, and change nothing."""
    desk: Desk = context.obj
    account = RelayAccount(open_keystore(*_keys(desk)))
    forwarder = looked_at(desk.meter, account)
    left = balance_wei(desk.meter, account)
    typer.echo(f"{account.address} pays for orders to {forwarder}; it has {coins(left)}")
    if left == 0:
        raise ProviderError(f"send {account.address} coins for gas")
