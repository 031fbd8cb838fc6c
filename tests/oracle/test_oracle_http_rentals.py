"""The index of rentals of `drill-http`: what it reads, keeps, and says of it."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Thread
from typing import Any

import pytest

from host.errors import NonsenseError, RpcError, UnreachableError
from live.rentals import (
    PIECE,
    YOUNG_SECONDS,
    HttpViews,
    RentalIndex,
)

ANN, BEN = "0x" + "aa" * 20, "0x" + "bb" * 20
CONTRACT = "0x" + "5f" * 20


@dataclass
class Views:
    """A contract whose rentals were opened by these customers, first to last."""

    customers_of: list[str]
    silent: bool = False
    asked: list[int] = field(default_factory=list)

    def count(self) -> int:
        if self.silent:
            raise UnreachableError("away")
        return len(self.customers_of)

    def customers(self, rentals: Sequence[int]) -> list[str]:
        if self.silent:
            raise UnreachableError("away")
        self.asked += rentals
        return [self.customers_of[number - 1] for number in rentals]


class Clock:
    now = 0.0

    def __call__(self) -> float:
        return self.now


def test_step__many_rentals__are_read_once_in_pieces() -> None:
    views = Views([ANN, BEN, BEN] * PIECE)
    index = RentalIndex(views, Clock())
    assert index.step()
    assert index.of(ANN) == (PIECE, tuple(n for n in range(PIECE, 0, -1) if n % 3 == 1))
    assert index.step()
    assert not index.step()
    assert index.through == index.count == 3 * PIECE
    assert views.asked == list(range(1, 3 * PIECE + 1))
    assert index.of(ANN.upper().replace("0X", "0x"))[1] == tuple(range(3 * PIECE - 2, 0, -3))
    assert index.of(CONTRACT) == (3 * PIECE, ())


def test_step__chain_away__what_was_known_stays() -> None:
    views = Views([ANN])
    index = RentalIndex(views, Clock())
    assert index.count is None
    index.step()
    views.silent = True
    with pytest.raises(RpcError):
        index.step()
    assert index.of(ANN) == (1, (1,))


def test_step__block_dropped__a_number_that_somebody_else_got_is_theirs() -> None:
    clock = Clock()
    views = Views([ANN, ANN, ANN])
    index = RentalIndex(views, clock)
    index.step()
    views.customers_of[1:] = [BEN]
    index.step()
    assert index.of(ANN) == (2, (1,))
    assert index.of(BEN) == (2, (2,))
    # What is older than any reorganisation is asked for no more.
    clock.now = YOUNG_SECONDS
    views.asked.clear()
    index.step()
    assert views.asked == []


class Endpoint(BaseHTTPRequestHandler):
    """Answers the calls of a request, last to first, with what the test has put here."""

    results: tuple[object, ...] = ()
    questions: tuple[dict[str, Any], ...] = ()

    def do_POST(self) -> None:
        found = json.loads(self.rfile.read(int(self.headers["content-length"])))
        calls = found if isinstance(found, list) else [found]
        type(self).questions = tuple(calls)
        pairs = zip(calls, self.results, strict=True)
        answers = [{"id": call["id"], "result": one} for call, one in pairs][::-1]
        self.send_response(200)
        self.end_headers()
        self.wfile.write(json.dumps(answers if isinstance(found, list) else answers[0]).encode())

    def log_message(self, *_arguments: object) -> None:
        """Say nothing."""


@pytest.fixture
def views() -> Iterator[HttpViews]:
    """Of a contract behind that endpoint."""
    with ThreadingHTTPServer(("127.0.0.1", 0), Endpoint) as server:
        Thread(target=server.serve_forever, daemon=True).start()
        yield HttpViews(f"http://127.0.0.1:{server.server_port}/secret-key", CONTRACT)
        server.shutdown()


@pytest.mark.integration
def test_customers__answers_in_any_order__are_who_opened_each(views: HttpViews) -> None:
    Endpoint.results = tuple("0x" + one[2:].zfill(64) + "00" * 64 for one in (ANN, BEN))
    assert views.customers([7, 8]) == [ANN, BEN]
    assert [one["params"][0]["data"][-2:] for one in Endpoint.questions] == ["07", "08"]
    assert {one["method"] for one in Endpoint.questions} == {"eth_call"}


@pytest.mark.integration
@pytest.mark.parametrize("found", ["0x", "0x12", "0x" + "zz" * 32, 5, None, ["0x"]])
def test_count__answer_of_no_use__is_no_answer(views: HttpViews, found: object) -> None:
    Endpoint.results = (found,)
    with pytest.raises(NonsenseError) as raised:
        views.count()
    assert "secret" not in str(raised.value)
