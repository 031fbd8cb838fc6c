"""The page of the rig: `drill-http` with the built page, on a free port of 127.0.0.1."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Self

from lab.rig import plan
from lab.rig.drill import OUR_PACKAGES, module
from lab.rig.errors import RigError
from lab.rig.process import Daemon, wait_until
from lab.rig.services import HOST, ROOT, free_port, port_answers

BUILT = ROOT / "web" / "dist"
READY_SECONDS = 300.0
"""On two busy cores its imports alone have taken 30 s."""

LEVELS = ["Aluminium", "Steel", "Stainless steel"]
TOOLS = {1: "HSS twist drill, 10 mm", 2: "Carbide twist drill, 8 mm"}


class PageServer(Daemon):
    """`drill-http`; `rpc_url` is what browsers are told, and need not be the chain itself."""

    def __init__(
        self,
        folder: Path,
        logs: Path,
        *,
        record: Path,
        rpc_url: str,
        broker_port: int,
        drills: Mapping[int, str],
        port: int | None = None,
        built: Path = BUILT,
    ) -> None:
        if not (built / "index.html").exists():
            raise RigError("the page is not built; run scripts/page")
        self.port = port or free_port()
        self.settings = folder / "http.toml"
        lines = [
            f"deployment = {json.dumps(str(record))}",
            f"[listen]\nhost = {json.dumps(HOST)}\nport = {self.port}",
            f"[page]\nfolder = {json.dumps(str(built))}\nrpc_url = {json.dumps(rpc_url)}",
            'chain_name = "Local test chain"\ncurrency = "ETH"\nconfirmations = 2',
            f"reserve_seconds = {plan.RESERVE_MS // 1000}",
            f"[broker]\nhost = {json.dumps(HOST)}\nport = {broker_port}",
            "[limits]\nstreams_per_address = 50\nburst = 1000\nrequests_per_second = 200",
        ]
        for number, name in drills.items():
            lines += [
                f"[[drills]]\nnumber = {number}\nname = {json.dumps(name)}",
                f"tool = {json.dumps(TOOLS.get(number, ''))}\nlevels = {json.dumps(LEVELS)}",
            ]
        self.settings.write_text("\n".join(lines) + "\n")
        command = module("live", "run", "--settings", self.settings)
        super().__init__("page", command, logs / "page.log", OUR_PACKAGES)

    @property
    def url(self) -> str:
        """Where the page is."""
        return f"http://{HOST}:{self.port}/"

    def __enter__(self) -> Self:
        super().__enter__()
        try:
            self.wait()
        except BaseException:
            self.stop()
            raise
        return self

    def wait(self) -> None:
        """Return when it answers; raises RigError."""
        wait_until(f"the page on port {self.port}", self._answers, READY_SECONDS, self)

    def _answers(self) -> bool:
        return port_answers(self.port)
