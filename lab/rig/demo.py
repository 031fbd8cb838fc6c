"""`scripts/demo`: all of it on this machine, in about a minute, ending with a plain summary."""

from __future__ import annotations

import argparse
import json
import shutil
import signal
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from pathlib import Path
from types import FrameType

from rich.console import Console

from lab.rig.audit import Audited, audit, wait_for_publication
from lab.rig.errors import RigError
from lab.rig.story import Cancelled, Storyteller
from lab.rig.summary import Summary, summarise
from lab.rig.view import DemoView
from lab.rig.world import TraceOptions, World
from protocol.records import Domain

LONGEST_SECONDS = 300.0
"""The story takes about 50 s, on a slow machine more; after this it is ended, and has failed."""

INTERRUPTS = (signal.SIGINT, signal.SIGTERM)
OK, FAILED, INTERRUPTED = 0, 1, 130


def parse(arguments: Sequence[str]) -> argparse.Namespace:
    """The options; ends the program with status 2 when one is wrong."""
    parser = argparse.ArgumentParser(prog="scripts/demo", add_help=False)
    parser.add_argument("--json", type=Path, metavar="FILE")
    parser.add_argument("--trace", type=Path, metavar="FILE")
    parser.add_argument("--columns", metavar="SPEC")
    parser.add_argument("--sample-period-ms", type=int, metavar="N")
    parser.add_argument("--embedded-broker", action="store_true")
    parser.add_argument("--web", action="store_true")
    parser.add_argument("--folder", type=Path, metavar="DIR")
    options = parser.parse_args(arguments)
    if (options.trace is None) != (options.columns is None):
        parser.error("--trace and --columns belong together")
    if options.sample_period_ms is not None and options.trace is None:
        parser.error("--sample-period-ms needs --trace")
    if options.web and options.json is not None:
        parser.error("--web plays no story, so there is no summary for --json")
    if options.trace is not None:
        _check_trace(parser, options)
    return options


def _check_trace(parser: argparse.ArgumentParser, options: argparse.Namespace) -> None:
    from device.drill.trace import read_trace  # noqa: PLC0415
    from device.errors import DeviceError  # noqa: PLC0415  only a trace needs it

    try:
        read_trace(options.trace, options.columns, options.sample_period_ms)
    except DeviceError as error:
        parser.error(str(error))


def play(world: World, view: DemoView) -> Summary:
    """Play both stories side by side and look back on them."""
    stop, end_by = threading.Event(), time.monotonic() + LONGEST_SECONDS
    tellers = [Storyteller(world, drill, view.say_of_drill, stop) for drill in world.controllers]
    stories = [tellers[0].until_the_credit_is_gone, tellers[1].beside_it]
    failures: list[str] = []
    with ThreadPoolExecutor(len(stories)) as pool:
        futures = [pool.submit(_told, story, stop, failures) for story in stories]
        try:
            view.watch(world, [t.progress for t in tellers], _over(futures, stop, end_by))
        finally:
            if not all(future.done() for future in futures):
                stop.set()
    if time.monotonic() > end_by:
        failures.append(f"the story was not over after {LONGEST_SECONDS:g} s")
    told = [teller.progress for teller in tellers]
    audited = None
    if all(progress.done for progress in told):
        view.say("somebody who trusts nobody audits it, with the chain and the published samples")
        audited = audit_story(world, [progress.rental for progress in told])
    summary = summarise(world, told, audited)
    summary.complaints[:0] = failures
    return summary


def audit_story(world: World, rentals: Sequence[int]) -> Audited:
    """Wait for the last samples to be published, and audit; raises RigError."""
    domain = Domain(world.anvil.chain_id, world.address)
    wait_for_publication(world.ledger(), domain, world.samples, rentals)
    report, page = world.folder / "audit.json", world.folder / "audit.html"
    return audit(world.anvil.url, world.address, world.samples, report, page)


def _told(story: Callable[[], None], stop: threading.Event, failures: list[str]) -> None:
    try:
        story()
    except Cancelled:
        return
    except Exception as error:  # noqa: BLE001  whatever it was, it goes into the summary
        failures.append(f"{type(error).__name__}: {error}")
        stop.set()


def _over(
    futures: Sequence[Future[None]], stop: threading.Event, end_by: float
) -> Callable[[], bool]:
    def over() -> bool:
        done = all(future.done() for future in futures)
        return done or stop.is_set() or time.monotonic() > end_by

    return over


def _interrupt(_signal: int, _frame: FrameType | None) -> None:
    # Once is enough: an impatient second one would leave processes behind.
    for number in INTERRUPTS:
        signal.signal(number, signal.SIG_IGN)
    raise KeyboardInterrupt


def run(options: argparse.Namespace, folder: Path, console: Console) -> int:
    """Build the world, play, report; the exit status."""
    view, trace = DemoView(console), None
    if options.trace is not None:
        trace = TraceOptions(options.trace.resolve(), options.columns, options.sample_period_ms)
    with World(folder, trace, view.say, embedded=options.embedded_broker) as world:
        if options.web:
            from lab.rig.web_demo import show_page  # noqa: PLC0415  only with --web

            show_page(world, folder, view.say, threading.Event())
            return OK
        summary = play(world, view)
    console.print()
    console.print(summary.as_text(), markup=False, highlight=False, soft_wrap=True)
    if options.json is not None:
        options.json.write_text(json.dumps(summary.as_json(), indent=2) + "\n")
    return OK if summary.ok else FAILED


def main(arguments: Sequence[str]) -> int:
    """Parse, run and clean up."""
    options = parse(arguments)
    for number in INTERRUPTS:  # a background job starts with SIGINT ignored
        signal.signal(number, _interrupt)
    # Not in the repository: the path of a Unix socket must be short.
    folder = options.folder or Path(tempfile.mkdtemp(prefix="smart-drill-"))
    folder.mkdir(parents=True, exist_ok=True)
    console = Console()
    status = FAILED
    try:
        status = run(options, folder, console)
    except RigError as error:
        console.print(f"demo: {error}", markup=False, highlight=False, soft_wrap=True)
    except KeyboardInterrupt:
        status = INTERRUPTED
        console.print("demo: interrupted; everything has been stopped")
    finally:
        if status == OK and options.folder is None:
            shutil.rmtree(folder)
        else:
            console.print(f"The logs are in {folder}/logs", markup=False, soft_wrap=True)
    return status


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
