"""The endpoint as an ASGI application: the page, a few JSON answers, and one live stream."""

from __future__ import annotations

import json
import time
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Annotated, Any

from fastapi import FastAPI, HTTPException, Query, Request, Response
from fastapi import Path as InPath
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse, StreamingResponse
from starlette.exceptions import HTTPException as StarletteHTTPException
from starlette.middleware.gzip import GZipMiddleware
from starlette.staticfiles import StaticFiles
from starlette.types import ASGIApp, Scope

from host.errors import SettingsError
from live.answers import Fault, Health, Rentals, Site
from live.board import Update
from live.feed import Feed, Listener, TooManyStreamsError
from live.guard import Guard, Rate, security_headers
from live.rentals import Indexing, RentalIndex
from live.settings import HttpSettings
from protocol.messages import (
    Channel,
    InhibitMessage,
    LeaseMessage,
    LogMessage,
    ReadingMessage,
    StatusMessage,
)

API = "/api/v1"
DRILL_MAX = 2**32 - 1
LONG = "public, max-age=31536000, immutable"
"""For what has a hash in its name."""

FAULTS: dict[int | str, dict[str, Any]] = {
    404: {"model": Fault, "description": "There is none (yet)."},
    422: {"model": Fault, "description": "The question is malformed."},
    429: {"model": Fault, "description": "Too many requests or streams."},
}

DrillInPath = Annotated[int, InPath(ge=1, le=DRILL_MAX)]


class PageFiles(StaticFiles):
    """The built page. What has a hash in its name is kept for ever, the rest is asked for anew."""

    async def get_response(self, path: str, scope: Scope) -> Response:
        """The file, with how long it may be kept."""
        response = await super().get_response(path, scope)
        response.headers["cache-control"] = LONG if path.startswith("assets/") else "no-cache"
        return response


def build_app(
    settings: HttpSettings,
    site: Site,
    feed: Feed,
    index: RentalIndex,
    *,
    clock: Callable[[], float] = time.monotonic,
) -> ASGIApp:
    """The whole of it, guard included."""
    indexing = Indexing(index)

    @asynccontextmanager
    async def lifespan(_app: FastAPI) -> AsyncIterator[None]:
        feed.start()
        indexing.start()
        try:
            yield
        finally:
            indexing.stop()
            feed.stop()

    app = FastAPI(
        title="Smart Drill, the page's endpoint",
        version="1",
        summary="Read-only: deployment, drills, newest signed readings, and a live stream of them.",
        openapi_url=f"{API}/openapi.json",
        docs_url=None,
        redoc_url=None,
        lifespan=lifespan,
    )
    app.add_exception_handler(StarletteHTTPException, _refused)
    app.add_exception_handler(RequestValidationError, _malformed)
    _add_answers(app, site, feed)
    _add_rentals(app, index)
    _add_stream(app, site, feed)
    files = PageFiles(directory=settings.page.folder, html=True)
    app.mount("/", GZipMiddleware(files, minimum_size=500), name="page")
    return Guard(
        app,
        names=settings.listen.names,
        rate=Rate(settings.limits.requests_per_second, settings.limits.burst),
        headers=security_headers(settings.page.rpc_origin),
        clock=clock,
    )


def _add_answers(app: FastAPI, site: Site, feed: Feed) -> None:
    drills = {drill.number for drill in site.drills}

    @app.get(f"{API}/site", responses={429: FAULTS[429]})
    def get_site() -> Site:
        """The deployment, the chain's endpoint for the page, and the drills."""
        return site

    @app.get(f"{API}/health", responses={429: FAULTS[429]})
    def get_health() -> Health:
        """Whether the broker is connected, and what time it is here."""
        return Health(broker=feed.broker_up, time_ms=time.time_ns() // 1_000_000)

    def newest(drill: int, channel: Channel) -> Response:
        if drill not in drills:
            raise HTTPException(404, f"drill {drill} is not served here")
        update = feed.board.newest(drill, channel)
        if update is None:
            raise HTTPException(404, f"drill {drill} has no {channel} yet")
        return Response(
            update.text, media_type="application/json", headers={"cache-control": "no-store"}
        )

    @app.get(f"{API}/drills/{{drill}}/reading", response_model=ReadingMessage, responses=FAULTS)
    def get_reading(drill: DrillInPath) -> Response:
        """The newest signed reading. Whoever wants to believe it checks the signature."""
        return newest(drill, Channel.READING)

    @app.get(f"{API}/drills/{{drill}}/log", response_model=LogMessage, responses=FAULTS)
    def get_log(drill: DrillInPath) -> Response:
        """The newest samples of the running rental's log, with the proof under a signed root."""
        return newest(drill, Channel.LOG)

    @app.get(f"{API}/drills/{{drill}}/status", response_model=StatusMessage, responses=FAULTS)
    def get_status(drill: DrillInPath) -> Response:
        """Whether the drill is reachable, and in what state it says it is."""
        return newest(drill, Channel.STATUS)

    @app.get(
        f"{API}/drills/{{drill}}/lease",
        response_model=LeaseMessage | InhibitMessage,
        responses=FAULTS,
    )
    def get_lease(drill: DrillInPath) -> Response:
        """The newest lease, signed, or why there is none."""
        return newest(drill, Channel.LEASE)


def _add_rentals(app: FastAPI, index: RentalIndex) -> None:
    @app.get(f"{API}/rentals", responses={422: FAULTS[422], 429: FAULTS[429]})
    def get_rentals(
        customer: Annotated[str, Query(pattern=r"^0x[0-9a-fA-F]{40}$")],
    ) -> Rentals:
        """The numbers of a customer's rentals, newest first, among the first `through` of `count`.
        Whoever wants to believe it reads each of them from the contract."""
        through, rentals = index.of(customer)
        return Rentals(customer=customer, rentals=rentals, through=through, count=index.count)


def _add_stream(app: FastAPI, site: Site, feed: Feed) -> None:
    drills = {drill.number for drill in site.drills}

    @app.get(
        f"{API}/stream",
        response_class=StreamingResponse,
        responses={**FAULTS, 200: {"content": {"text/event-stream": {}}}},
    )
    async def get_stream(
        request: Request,
        drill: Annotated[int | None, Query(ge=1, le=DRILL_MAX)] = None,
    ) -> StreamingResponse:
        """Server-sent events `reading`, `log`, `status`, `lease`, `beat`: the newest of everything,
        then what arrives. Of one drill, or of all."""
        if drill is not None and drill not in drills:
            raise HTTPException(404, f"drill {drill} is not served here")
        address = request.client.host if request.client else "?"
        wanted = drills if drill is None else {drill}
        opened = feed.listening(address, wanted)
        try:
            listener = opened.__enter__()
        except TooManyStreamsError as error:
            raise HTTPException(429, str(error), {"retry-after": "10"}) from error
        return _Stream(
            _events(feed, listener),
            on_end=lambda: opened.__exit__(None, None, None),
        )


class _Stream(StreamingResponse):
    """A stream of events that gives its place back however it ends."""

    def __init__(self, events: AsyncIterator[str], on_end: Callable[[], object]) -> None:
        headers = {"cache-control": "no-store", "x-accel-buffering": "no"}
        super().__init__(events, media_type="text/event-stream", headers=headers)
        self._on_end = on_end

    async def __call__(self, scope: Scope, receive: Any, send: Any) -> None:
        try:
            await super().__call__(scope, receive, send)
        finally:
            self._on_end()


async def _events(feed: Feed, listener: Listener) -> AsyncIterator[str]:
    async for update in feed.updates(listener):
        yield _beat(feed) if update is None else _event(update)


def _event(update: Update) -> str:
    return f"event: {update.channel}\ndata: {update.text}\n\n"


def _beat(feed: Feed) -> str:
    beat = {"time_ms": time.time_ns() // 1_000_000, "broker": feed.broker_up}
    return f"event: beat\ndata: {json.dumps(beat)}\n\n"


async def _refused(_request: Request, error: Exception) -> Response:
    if not isinstance(error, StarletteHTTPException):
        raise error
    return JSONResponse({"error": str(error.detail)}, error.status_code, error.headers)


async def _malformed(_request: Request, error: Exception) -> Response:
    if not isinstance(error, RequestValidationError):
        raise error
    first = error.errors()[0]
    place = ".".join(str(part) for part in first["loc"])
    return JSONResponse({"error": f"{place}: {first['msg']}"}, 422)


def require_page(folder: Path) -> None:
    """Raise SettingsError unless the page has been built."""
    if not (folder / "index.html").is_file():
        raise SettingsError(f"page.folder {folder} holds no page; scripts/page builds it")
