"""`python -m device controller ...` and `python -m device bridge run ...`."""

import typer

from device.cli import bridge, run_controller

app = typer.Typer(add_completion=False, pretty_exceptions_enable=False)
app.command("controller")(run_controller)
app.add_typer(bridge, name="bridge")

if __name__ == "__main__":
    app()
