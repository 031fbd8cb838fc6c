"""`scripts/demo --web`: the page for the person at the machine, with a drill that drills by itself.

The person is the customer, with a test wallet built into the demo's copy of the page. Whenever
drill 1 is unlocked, a hand pulls its trigger: five seconds at each load level in turn.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import threading
from collections.abc import Callable
from pathlib import Path

from lab.rig.drill import ControllerProgram
from lab.rig.errors import RigError
from lab.rig.offer import DRILL_NAMES
from lab.rig.page import BUILT, PageServer
from lab.rig.process import STOP_SECONDS
from lab.rig.services import ROOT, find_program
from lab.rig.world import World

STROKE_SECONDS = 5.0
PAUSE_SECONDS = 3.0
LOOK_SECONDS = 0.3

Say = Callable[[str], None]


def page_with_wallet(folder: Path) -> Path:
    """A copy of the built page that also loads the test wallet; raises RigError."""
    wallet = ROOT / "web" / "dist-demo" / "test-wallet.js"
    npm = find_program("npm", Path(sys.executable).parent)
    if npm is None:
        raise RigError("npm is not here; run scripts/setup")
    done = subprocess.run(
        [npm, "run", "--silent", "build:demo", "--", "--logLevel", "error"],
        cwd=ROOT / "web",
        # npm looks for Node.js on the PATH, where one that came from PyPI is not.
        env={**os.environ, "PATH": f"{os.environ['PATH']}{os.pathsep}{npm.parent}"},
        capture_output=True,
        text=True,
        check=False,
    )
    if done.returncode != 0 or not wallet.exists():
        raise RigError(f"the test wallet could not be built: {done.stderr.strip()[-500:]}")
    copy = folder / "page"
    shutil.copytree(BUILT, copy)
    shutil.copy(wallet, copy)
    index = copy / "index.html"
    script = '<script type="module" src="./test-wallet.js"></script>\n  </body>'
    index.write_text(index.read_text().replace("</body>", script))
    return copy


class DemoHand(threading.Thread):
    """Pulls the trigger of a drill whenever it is unlocked, until told to stop."""

    def __init__(self, controller: ControllerProgram, say: Say) -> None:
        super().__init__(name=f"hand {controller.drill}", daemon=True)
        self._controller, self._say = controller, say
        self._over = threading.Event()

    def stop(self) -> None:
        """Let go and end."""
        self._over.set()
        self.join(STOP_SECONDS)

    def run(self) -> None:
        """The work."""
        level, was_ready = 0, False
        while not self._over.wait(LOOK_SECONDS):
            state = self._controller.state()
            ready = state["state"] == "READY"
            if ready != was_ready:
                why = "unlocked" if ready else f"locked: {state['reason']}"
                self._say(f"drill {self._controller.drill} is {why}")
            was_ready = ready
            if ready:
                level = level % 3 + 1
                self._stroke(level)
                self._over.wait(PAUSE_SECONDS)

    def _stroke(self, level: int) -> None:
        self._controller.do("level", level=level)
        if "error" not in self._controller.do("pull"):
            self._say(f"drill {self._controller.drill} drills at level {level}")
            self._over.wait(STROKE_SECONDS)
        self._controller.do("release")


def show_page(world: World, folder: Path, say: Say, stop: threading.Event) -> None:
    """Serve the page and drill until `stop`."""
    page = PageServer(
        folder,
        world.logs,
        record=folder / "deployment.json",
        rpc_url=world.anvil.url,
        broker_port=world.broker.port,
        drills=DRILL_NAMES,
        built=page_with_wallet(folder),
    )
    hand = DemoHand(world.controllers[1], say)
    with page:
        say(f"the page: {page.url}")
        say("connect the test wallet, rent Pillar drill 1, and watch it drill; Ctrl-C ends it all")
        hand.start()
        try:
            while not stop.wait(1):
                world.require_running()
                page.require_running()
        finally:
            hand.stop()
