"""What the demo tells: two customers, two drills, and what must come true on the way."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, field

from lab.rig import plan
from lab.rig.drill import State
from lab.rig.errors import RigError
from lab.rig.ledger import ContractLedger, Customer
from lab.rig.plan import UNBOUND
from lab.rig.world import World
from protocol.messages import CreditWarning, ReadingMessage
from protocol.records import RentalState

STEP_SECONDS = 120.0
"""How long one step may take that normally takes less than five."""

EXHAUST_SECONDS = 200.0
LOOK_SECONDS = 0.05
TARIFF = 1


class StoryError(RigError):
    """A step of the story that did not happen."""


class Cancelled(Exception):  # noqa: N818  nothing went wrong in this thread
    """The story is to stop: Ctrl-C, the time is up, or the other drill's story failed."""


@dataclass(slots=True)
class StoryProgress:
    """What has come true for one rental, for the audience and the summary."""

    drill: int
    customer: str = ""
    rental: int = 0
    facts: dict[str, bool] = field(default_factory=dict)
    deposited_at: float = 0.0
    unlocked_at: float = 0.0
    locked_at_ms: int = 0
    done: bool = False


class Storyteller:
    """One customer at one drill; each method is a step that happens or raises StoryError."""

    def __init__(
        self, world: World, drill: int, say: Callable[[int, str], None], stop: threading.Event
    ) -> None:
        self.progress = StoryProgress(drill)
        self._world, self._drill, self._stop = world, drill, stop
        self._controller = world.controllers[drill]
        self._ledger: ContractLedger = world.ledger()
        self._customer = Customer(self._ledger, f"customer of drill {drill}")
        self.progress.customer = self._customer.address
        world.give_coins(self._customer.address)
        self._say_of_drill = say
        self._amounts = plan.amounts(world.tariff)

    # --- the two stories ---------------------------------------------------------------------

    def until_the_credit_is_gone(self) -> None:
        """Drill at three levels, run dry, lock, top up, drill again, get the rest back."""
        self._open(self._amounts.first)
        self._stroke(1, 4)
        self._stroke(2, 4)
        self._drill_until_nothing_is_left()
        self._be_refused()
        self._top_up()
        self._stroke(2, 3)
        self._end()

    def beside_it(self) -> None:
        """Another customer's shorter rental, which ends with money left."""
        self._pause(2)
        self._open(self._amounts.second)
        for level, seconds in ((3, 4), (1, 6), (2, 5)):
            self._stroke(level, seconds)
            self._pause(1)
        self._end()

    # --- steps -------------------------------------------------------------------------------

    def _open(self, amount: int) -> None:
        refused = self._controller.do("pull")
        self._fact("locked before the deposit", "error" in refused and not refused["motor_on"])
        self._say(f"pulls the trigger: refused, {refused.get('error', 'no')}")
        self._customer.send("open_rental", self._drill, TARIFF, amount, *UNBOUND, value=amount)
        self.progress.deposited_at = time.monotonic()
        self.progress.rental = int(self._ledger.call("drill", self._drill)[2])
        self._say(f"deposits {coins(amount)} and opens rental {self.progress.rental}")
        self._wait_for_state("READY", "the deposit unlocks the drill")
        self.progress.unlocked_at = time.monotonic()
        took = self.progress.unlocked_at - self.progress.deposited_at
        self._fact("unlocked by the deposit", True)
        self._say(f"the drill unlocks, {took:.1f} s after the deposit was mined")

    def _stroke(self, level: int, seconds: float) -> None:
        self._controller.do("level", level=level)
        self._pull()
        self._say(f"drills {self._work(level)}")
        self._pause(seconds)
        self._release()

    def _drill_until_nothing_is_left(self) -> None:
        before = self._rental_balance()
        self._controller.do("level", level=3)
        self._pull()
        self._say(f"drills {self._work(3)} and does not let go")
        self._wait("a warning", lambda: self._warned(CreditWarning.LOW), EXHAUST_SECONDS)
        self._say("warning: the credit is low")
        self._wait("no more leases", lambda: self._warned(CreditWarning.EXHAUSTED), EXHAUST_SECONDS)
        running = self._controller.state()
        self._say("no headroom left: no next start, but this stroke is paid for by the reserve")
        self._fact("running drill was not stopped", bool(running["motor_on"]))
        self._fact("debited while drilling", self._rental_balance() < before)
        self._wait("the credit is gone", self._nothing_left, EXHAUST_SECONDS)
        self._say("the credit is gone: lets the trigger go")
        self._release()
        state = self._wait_for_state("LOCKED", "the drill locks at standstill")
        self.progress.locked_at_ms = int(state["time_ms"])
        self._say(f"the drill locks: {state['reason']}")
        self._wait("the balance on the chain is 0", lambda: self._rental_balance() == 0)
        self._say("the contract has debited all of it: balance 0")

    def _be_refused(self) -> None:
        refused = self._controller.do("pull")
        locked = refused["state"] == "LOCKED" and not refused["motor_on"] and "error" in refused
        self._fact("locked at balance 0", locked and self._rental_balance() == 0)
        self._say(f"pulls the trigger: refused, {refused.get('error', 'no')}")

    def _top_up(self) -> None:
        # The trigger is held down while the drill unlocks; that must not start it.
        self._controller.do("pull", hold=True)
        amount = self._amounts.top_up
        self._customer.send("top_up", self.progress.rental, amount, value=amount)
        self._say(f"tops up {coins(amount)} with the trigger held down")
        self._wait("a lease after the top-up", lambda: not self._controller.state()["inhibited"])
        self._pause(0.5)
        held = self._controller.state()
        self._fact("unlocking moved nothing", not held["motor_on"] and held["rpm"] == 0)
        self._controller.do("release")
        self._wait_for_state("READY", "the top-up unlocks the drill")
        self._fact("unlocked after the top-up", True)
        self._say("the drill unlocks and stands still until a fresh pull of the trigger")

    def _end(self) -> None:
        rental = self.progress.rental
        self._customer.send("end_rental", rental)
        self._say("ends the rental")
        self._wait("the final reading closes the rental", self._closed)
        refund = int(self._ledger.call("account", self._customer.address))
        self._fact("closed by its final reading", True)
        self._say(f"the final reading closes it: {coins(refund)} back in the account")
        before = self._customer.coins()
        receipt = self._customer.send("withdraw", refund, self._customer.address)
        gas = int(receipt["gasUsed"]) * int(receipt["effectiveGasPrice"])
        self._fact("refund withdrawn", self._customer.coins() == before + refund - gas)
        self._say("withdraws the refund")
        self._wait_for_state("LOCKED", "the drill locks after the rental")
        self._fact("locked after the rental", True)
        self.progress.done = True

    # --- hands and eyes ----------------------------------------------------------------------

    def _work(self, level: int) -> str:
        return "as recorded" if self._world.recorded else f"at level {level}"

    def _say(self, text: str) -> None:
        self._say_of_drill(self._drill, text)

    def _pull(self) -> None:
        state = self._controller.do("pull")
        if "error" in state:
            raise StoryError(f"drill {self._drill}: a pull was refused: {state['error']}")

    def _release(self) -> None:
        self._controller.do("release")
        self._wait("standstill", lambda: self._controller.state()["rpm"] == 0)

    def _reading(self) -> ReadingMessage | None:
        return self._world.listener.reading(self._drill, self.progress.rental)

    def _nothing_left(self) -> bool:
        reading = self._reading()
        return reading is not None and reading.balance == "0"

    def _warned(self, least: CreditWarning) -> bool:
        reading = self._reading()
        reached = {CreditWarning.LOW: {"low", "exhausted"}, CreditWarning.EXHAUSTED: {"exhausted"}}
        return reading is not None and reading.warning in reached[least]

    def _rental_balance(self) -> int:
        return int(self._ledger.call("balance_of", self.progress.rental))

    def _closed(self) -> bool:
        return self._ledger.rental(self.progress.rental).state is RentalState.CLOSED

    def _wait_for_state(self, state: str, what: str) -> State:
        self._wait(what, lambda: self._controller.state()["state"] == state)
        return self._controller.state()

    def _fact(self, name: str, came_true: bool) -> None:
        self.progress.facts[name] = came_true
        if not came_true:
            raise StoryError(f"drill {self._drill}: not {name}")

    def _pause(self, seconds: float) -> None:
        if self._stop.wait(seconds):
            raise Cancelled

    def _wait(self, what: str, probe: Callable[[], bool], seconds: float = STEP_SECONDS) -> None:
        deadline = time.monotonic() + seconds
        while not probe():
            self._world.require_running()
            self._pause(LOOK_SECONDS)
            if time.monotonic() > deadline:
                reason = self._controller.state()["reason"]
                raise StoryError(
                    f"drill {self._drill}: waited {seconds:g} s in vain: {what}"
                    f" (the controller says: {reason or 'ready'})"
                )


def coins(amount: int) -> str:
    """An amount in whole coins, to the millionth."""
    sign, amount = ("-" if amount < 0 else ""), abs(amount)
    return f"{sign}{amount // 10**18}.{amount % 10**18 // 10**12:06d}"
