"""Live figures: that they come from the drill as they are made, and each is under a signature."""

from __future__ import annotations

import json
import re
import statistics

import pytest
from playwright.sync_api import Page, expect
from web_rig import publish, rent
from web_wallet import Wallet, connect

from lab.rig.page import PageServer
from lab.rig.page_world import PageWorld
from lab.rig.process import wait_until

pytestmark = pytest.mark.integration

READINGS = 60
PATIENCE_SECONDS = 300
"""Ten come in a second, where the machine has the time."""

# Notes each reading when the page shows it, and when by the browser's clock. Chain, box, simulated
# drill and browser have one clock here, so the difference to `until`, the newest sample's time by
# the drill's controller, is the whole way: serial line, bridge, broker, journal, signature, broker,
# endpoint, stream, verification, drawing.
WATCH = """
window.__shown = []
new MutationObserver(() => {
  const until = Number(document.querySelector('[data-until]')?.dataset.until)
  const last = window.__shown.at(-1)
  if (until && until !== last?.[0]) window.__shown.push([until, Date.now()])
}).observe(document, { subtree: true, childList: true, attributes: true })
"""


def test_page__while_drilling__readings_come_by_the_stream_in_order_to_the_newest(
    world: PageWorld, endpoint: PageServer, page: Page, wallet: Wallet, free_drills: None
) -> None:
    connect(page)
    number = rent(page, amount="0.5")
    controller = world.controllers[1]
    expect(page.locator("[data-lock=ready]")).to_be_visible()
    controller.do("level", level=2)
    controller.do("pull")
    expect(page.locator("[data-lock=running]")).to_be_visible()
    asked: list[str] = []
    page.on("request", lambda request: asked.append(request.url))
    # By the debugger: the page's own policy lets nothing be evaluated in it.
    page.evaluate(WATCH)

    def shown() -> list[list[int]]:
        # The first may have been there before the watch began.
        found: list[list[int]] = page.evaluate("window.__shown")
        return found[1:]

    wait_until("readings", lambda: len(shown()) >= READINGS, PATIENCE_SECONDS)
    controller.do("release")

    def newest_is_shown() -> bool:
        said = world.listener.reading(1, number)
        return said is not None and shown()[-1][0] == said.until

    wait_until("the newest reading is shown", newest_is_shown, PATIENCE_SECONDS)
    untils = [until for until, _at in shown()]
    assert untils == sorted(set(untils))
    # A stream that was silent for long is opened anew, on a machine that is busy.
    ours = [url for url in asked if url.startswith(endpoint.url)]
    assert [url for url in ours if not url.endswith("/stream?drill=1")] == []
    # How long it takes is for whoever reads it (pytest -s): it says more of the machine than of us.
    lags = sorted(at - until for until, at in shown())
    median, p95 = statistics.median(lags), lags[len(lags) * 95 // 100]
    print(f"\ndrill to page, {len(lags)} readings: median {median} ms, p95 {p95}, most {lags[-1]}")


def test_page__torque__follows_the_drill_and_is_under_a_signed_root(
    world: PageWorld, page: Page, wallet: Wallet, free_drills: None
) -> None:
    connect(page)
    number = rent(page)
    controller = world.controllers[1]
    expect(page.locator("[data-lock=ready]")).to_be_visible()
    controller.do("level", level=2)
    controller.do("pull")
    torque = page.locator("[data-torque]")
    # 10 samples a second arrive, and those of one reading are not lost to the next.
    expect(torque).to_have_attribute("data-samples", re.compile(r"^([4-9]\d|\d{3})$"))
    shown = int(torque.get_attribute("data-torque") or 0)
    real = {sample.torque_mnm for sample in world.listener.samples(1)}
    assert shown > 0
    assert shown in real
    expect(page.get_by_role("img", name="Torque in the last minute")).to_be_visible()

    # Somebody on the broker makes other samples of it, under a reading that is really signed.
    controller.do("release")
    expect(page.locator("[data-lock=ready]")).to_be_visible()
    page.wait_for_timeout(3000)
    real_log = json.loads(page.evaluate("fetch('/api/v1/drills/1/log').then((it) => it.text())"))
    assert real_log["rental"] == number
    samples = real_log["samples"]
    changed = samples[:-120] + "7fffffff" + samples[-112:]  # the newest sample's torque
    forged = json.dumps({**real_log, "samples": changed}).encode()
    reading = page.evaluate("fetch('/api/v1/drills/1/reading').then((it) => it.text())")
    before = torque.get_attribute("data-torque")
    publish(world, "drill/1/log", forged)
    publish(world, "drill/1/reading", reading.encode())
    expect(page.locator("[data-verdict=false-samples]")).to_contain_text("not in the signed log")
    assert torque.get_attribute("data-torque") == before
    # The truth again, as the oracle says it with its next receipt.
    publish(world, "drill/1/log", json.dumps(real_log).encode())
    publish(world, "drill/1/reading", reading.encode())
    expect(page.locator("[data-verdict=false-samples]")).to_be_hidden()
