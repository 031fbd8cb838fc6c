"""What stands before every answer: allowed hosts, methods, sizes and rates, and its headers."""

from __future__ import annotations

import json
from collections import OrderedDict
from collections.abc import Callable
from dataclasses import dataclass, field

from starlette.datastructures import Headers, MutableHeaders
from starlette.types import ASGIApp, Message, Receive, Scope, Send

LONGEST_TARGET = 2048
"""Bytes of path and query; ours are under a hundred."""

ADDRESSES = 10_000
"""How many addresses are remembered for their rate; the longest unseen is forgotten first."""

METHODS = ("GET", "HEAD")


@dataclass
class Rate:
    """A token bucket for each address, on a clock that is passed in, in seconds."""

    per_second: float
    burst: int
    _left: OrderedDict[str, tuple[float, float]] = field(default_factory=OrderedDict)

    def allows(self, address: str, now: float) -> bool:
        """Take one from the bucket, if there is one."""
        left, since = self._left.pop(address, (float(self.burst), now))
        left = min(self.burst, left + max(0.0, now - since) * self.per_second)
        allowed = left >= 1
        self._left[address] = (left - 1 if allowed else left, now)
        if len(self._left) > ADDRESSES:
            self._left.popitem(last=False)
        return allowed


def security_headers(rpc_origin: str) -> dict[str, str]:
    """Only what the page itself brings may run, and it may talk to us and to the chain."""
    policy = {
        "default-src": "'none'",
        "script-src": "'self'",
        "style-src": "'self'",
        "img-src": "'self' data:",
        "font-src": "'self'",
        "connect-src": f"'self' {rpc_origin}",
        "manifest-src": "'self'",
        "base-uri": "'none'",
        "form-action": "'none'",
        "frame-ancestors": "'none'",
    }
    return {
        "content-security-policy": "; ".join(f"{k} {v}" for k, v in policy.items()),
        "cross-origin-opener-policy": "same-origin",
        "cross-origin-resource-policy": "same-origin",
        "permissions-policy": "camera=(), geolocation=(), microphone=(), payment=(), usb=()",
        "referrer-policy": "no-referrer",
        "x-content-type-options": "nosniff",
        "x-frame-options": "DENY",
    }


@dataclass
class RequestRefusal:
    """An answer that says no: its status, why, and more headers."""

    status: int
    message: str
    headers: dict[str, str] = field(default_factory=dict)


class Guard:
    """The outermost layer, ASGI; `clock` is monotonic, in seconds."""

    def __init__(
        self,
        app: ASGIApp,
        *,
        names: tuple[str, ...],
        rate: Rate,
        headers: dict[str, str],
        clock: Callable[[], float],
    ) -> None:
        self._app, self._rate, self._headers, self._clock = app, rate, headers, clock
        self._names = {name.lower() for name in names}

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer, or refuse in a sentence."""
        if scope["type"] == "lifespan":
            await self._app(scope, receive, send)
            return
        if scope["type"] != "http":
            raise RuntimeError(f"no {scope['type']} here")  # the server is told to offer none

        async def send_with_headers(message: Message) -> None:
            if message["type"] == "http.response.start":
                headers = MutableHeaders(scope=message)
                for name, value in self._headers.items():
                    headers[name] = value
            await send(message)

        refusal = self._refusal(scope)
        if refusal is None:
            await self._app(scope, receive, send_with_headers)
        else:
            await _say(refusal, scope["method"] == "HEAD", send_with_headers)

    def _refusal(self, scope: Scope) -> RequestRefusal | None:
        headers = Headers(scope=scope)
        host = _name_of(headers.get("host", ""))
        if host not in self._names:
            return RequestRefusal(
                421, f"this is not the server of {host[:80]!r}; its names are in listen.names"
            )
        address = scope["client"][0] if scope.get("client") else "?"
        if not self._rate.allows(address, self._clock()):
            return RequestRefusal(429, "too many requests; wait a second", {"retry-after": "1"})
        if scope["method"] not in METHODS:
            allow = {"allow": ", ".join(METHODS)}
            return RequestRefusal(405, "everything here is read-only: GET or HEAD", allow)
        if len(scope.get("raw_path") or b"") + len(scope["query_string"]) > LONGEST_TARGET:
            return RequestRefusal(414, f"the address is over {LONGEST_TARGET} bytes")
        if headers.get("content-length", "0") != "0" or "transfer-encoding" in headers:
            return RequestRefusal(413, "a question here has no body")
        return None


def _name_of(host: str) -> str:
    """The name in a Host header, without its port."""
    if host.startswith("["):
        return host.partition("]")[0].lower() + "]"
    return host.partition(":")[0].lower()


async def _say(refusal: RequestRefusal, head: bool, send: Send) -> None:
    body = json.dumps({"error": refusal.message}).encode()
    headers = {
        "content-type": "application/json",
        "content-length": str(len(body)),
        "cache-control": "no-store",
        **refusal.headers,
    }
    raw = [(name.encode(), value.encode()) for name, value in headers.items()]
    await send({"type": "http.response.start", "status": refusal.status, "headers": raw})
    await send({"type": "http.response.body", "body": b"" if head else body})
