"""`drill-http` as a process, asked over a socket, with a broker behind it."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import paho.mqtt.client as mqtt
import pytest
import requests
import schemathesis
from hypothesis import HealthCheck, given, settings
from paho.mqtt.enums import CallbackAPIVersion
from schemathesis.checks import not_a_server_error
from schemathesis.specs.openapi.checks import (
    content_type_conformance,
    negative_data_rejection,
    response_schema_conformance,
    status_code_conformance,
)

from lab.rig.drill import OUR_PACKAGES, module
from lab.rig.process import Daemon, wait_until
from lab.rig.services import HOST, Mosquitto, free_port, port_answers
from protocol.messages import StatusMessage

pytestmark = pytest.mark.integration

RECORD = {
    "chain_id": 31337,
    "contract": "0x" + "5f" * 20,
    "asset": "0x" + "00" * 20,
    "block_number": 7,
    "block_hash": "0x" + "00" * 32,
    "grace_period_seconds": 3600,
    "provider": "0x" + "5e" * 20,
    "compiler": "vyper 0.4.3",
    "bytecode_sha256": "00" * 32,
}
SECONDS = 300
"""What nothing takes, on a slow machine either."""

PAGE = "<!doctype html><title>page</title>" + "<p>text</p>" * 200


@dataclass
class Endpoint:
    """A running endpoint and its broker."""

    url: str
    daemon: Daemon
    broker: Mosquitto

    def get(self, path: str, **more: Any) -> requests.Response:
        return requests.get(self.url + path, timeout=SECONDS, **more)

    def publish(self, topic: str, payload: bytes) -> None:
        client = mqtt.Client(CallbackAPIVersion.VERSION2)
        client.connect(HOST, self.broker.port)
        client.loop_start()
        client.publish(topic, payload, qos=1, retain=True).wait_for_publish(SECONDS)
        client.disconnect()
        client.loop_stop()


@pytest.fixture(scope="module")
def endpoint(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Endpoint]:
    folder = tmp_path_factory.mktemp("http")
    page = folder / "page"
    (page / "assets").mkdir(parents=True)
    (page / "index.html").write_text(PAGE)
    (page / "assets" / "main-1a2b.js").write_text("1")
    (folder / "deployment.json").write_text(json.dumps(RECORD))
    with Mosquitto(folder) as broker:
        port = free_port()
        (folder / "http.toml").write_text(
            f'deployment = "{folder}/deployment.json"\n[listen]\nport = {port}\n'
            f'[page]\nfolder = "{page}"\nrpc_url = "http://127.0.0.1:1"\n'
            f'[broker]\nhost = "127.0.0.1"\nport = {broker.port}\n'
            "[limits]\nrequests_per_second = 10000\nburst = 10000\nstreams_per_address = 2\n"
            '[[drills]]\nnumber = 1\nname = "Pillar drill 1"\n[[drills]]\nnumber = 2\nname = "b"\n'
        )
        command = module("live", "run", "--settings", folder / "http.toml")
        with Daemon("http", command, folder / "http.log", OUR_PACKAGES) as daemon:
            wait_until("the endpoint answers", lambda: port_answers(port), SECONDS, daemon)
            yield Endpoint(f"http://{HOST}:{port}", daemon, broker)


def status(drill: int, sequence: int) -> bytes:
    return StatusMessage(
        drill=drill,
        online=True,
        link_up=True,
        state="READY",
        reason="",
        sequence=sequence,
        time_ms=5,
    ).to_json()


def events(response: requests.Response) -> Iterator[tuple[str, Any]]:
    """(event, data) of a stream, as they come."""
    name = ""
    for line in response.iter_lines(chunk_size=1, decode_unicode=True):
        if line.startswith("event: "):
            name = line.removeprefix("event: ")
        elif line.startswith("data: "):
            yield name, json.loads(line.removeprefix("data: "))


def test_page__asked_for__comes_compressed_under_a_strict_policy(endpoint: Endpoint) -> None:
    answer = endpoint.get("/")
    assert answer.text == PAGE
    assert answer.headers["content-encoding"] == "gzip"
    assert answer.headers["cache-control"] == "no-cache"
    assert "script-src 'self';" in answer.headers["content-security-policy"]
    assert "server" not in answer.headers
    asset = endpoint.get("/assets/main-1a2b.js")
    assert "immutable" in asset.headers["cache-control"]
    assert "javascript" in asset.headers["content-type"]


@pytest.mark.parametrize("path", ["/../http.toml", "/%2e%2e/http.toml", "/assets/../../http.toml"])
def test_page__what_lies_beside_it__stays_there(endpoint: Endpoint, path: str) -> None:
    request = requests.Request("GET", endpoint.url).prepare()
    request.url = endpoint.url + path
    with requests.Session() as session:
        answer = session.send(request, timeout=SECONDS)
    assert answer.status_code == 404
    assert "error" in answer.json()


def test_site__asked_for__names_contract_and_drills(endpoint: Endpoint) -> None:
    told = endpoint.get("/api/v1/site").json()
    assert told["contract"] == RECORD["contract"]
    assert [drill["name"] for drill in told["drills"]] == ["Pillar drill 1", "b"]
    assert endpoint.get("/api/v1/health").json()["broker"] is True


def test_get__no_such_drill_or_nothing_said_yet__is_a_readable_404(endpoint: Endpoint) -> None:
    assert endpoint.get("/api/v1/drills/7/status").json()["error"] == "drill 7 is not served here"
    assert endpoint.get("/api/v1/drills/2/reading").json()["error"] == "drill 2 has no reading yet"
    assert endpoint.get("/api/v1/drills/x/reading").status_code == 422


def test_stream__message_published__arrives_by_itself_and_not_with_the_next_beat(
    endpoint: Endpoint,
) -> None:
    endpoint.publish("drill/1/status", status(1, 1))
    wait_until("it is kept", lambda: endpoint.get("/api/v1/drills/1/status").ok)
    with endpoint.get("/api/v1/stream?drill=1", stream=True) as stream:
        assert stream.headers["content-type"].startswith("text/event-stream")
        told = events(stream)
        assert next(told)[0] == "beat"
        assert next(told)[1]["sequence"] == 1  # what is retained comes first
        endpoint.publish("drill/2/status", status(2, 9))  # not asked for
        heard: list[str] = []
        for sequence in range(2, 12):
            endpoint.publish("drill/1/status", status(1, sequence))
            name, data = next(told)
            while name == "beat":
                heard.append(name)
                name, data = next(told)
            assert (name, data["sequence"]) == ("status", sequence)
        assert len(heard) < 10  # by beats, each would have waited for one
        assert next(told)[0] == "beat"


def test_stream__more_than_allowed__is_refused_and_a_place_comes_back(endpoint: Endpoint) -> None:
    with endpoint.get("/api/v1/stream", stream=True), endpoint.get("/api/v1/stream", stream=True):
        refused = endpoint.get("/api/v1/stream")
        assert refused.status_code == 429
        assert "2 streams go to one address" in refused.json()["error"]

    def free() -> bool:
        with endpoint.get("/api/v1/stream", stream=True) as again:
            return again.ok

    wait_until("a place is free again", free)


def test_openapi__fuzzed__answers_as_described(endpoint: Endpoint) -> None:
    schema = schemathesis.openapi.from_url(f"{endpoint.url}/api/v1/openapi.json")
    checks = [
        not_a_server_error,
        status_code_conformance,
        content_type_conformance,
        response_schema_conformance,
        negative_data_rejection,
    ]
    tried = 0
    for operation in schema.exclude(path="/api/v1/stream").get_all_operations():

        @settings(
            max_examples=25, deadline=None, database=None, suppress_health_check=list(HealthCheck)
        )
        def fuzz(case: Any) -> None:
            nonlocal tried
            tried += 1
            case.call_and_validate(checks=checks)

        given(case=operation.ok().as_strategy())(fuzz)()
    assert tried >= 30


def test_run__page_not_built__is_said_in_one_line(tmp_path: Path) -> None:
    (tmp_path / "deployment.json").write_text(json.dumps(RECORD))
    (tmp_path / "http.toml").write_text(
        f'deployment = "{tmp_path}/deployment.json"\n[page]\nfolder = "{tmp_path}/none"\n'
        'rpc_url = "http://127.0.0.1:1"\n[broker]\nhost = "127.0.0.1"\n'
        '[[drills]]\nnumber = 1\nname = "a"\n'
    )
    command = module("live", "run", "--settings", tmp_path / "http.toml")
    daemon = Daemon("http", command, tmp_path / "http.log", OUR_PACKAGES)
    daemon.start()
    assert daemon.process.wait(SECONDS) == 2
    assert "holds no page; scripts/page builds it" in daemon.log_end()
