"""The oracle and a broker that does not let it in."""

from __future__ import annotations

from pathlib import Path

import pytest

from host.errors import BrokerError
from host.settings import BrokerSettings
from lab.rig.services import Mosquitto
from oracle.intake.ingest import oracle_client

pytestmark = pytest.mark.integration


def test_connect__broker_wants_a_password__refusal_is_named(tmp_path: Path) -> None:
    (tmp_path / "users").write_text("")
    config = f"allow_anonymous false\npassword_file {tmp_path}/users"
    with Mosquitto(tmp_path, config=config) as mosquitto:
        broker = oracle_client(BrokerSettings(host="127.0.0.1", port=mosquitto.port), "test", (1,))

        with pytest.raises(BrokerError, match=r"refuses the connection: .*[Aa]uthori"):
            broker.connect()


def test_connect__nobody_there__named(tmp_path: Path) -> None:
    broker = oracle_client(BrokerSettings(host="127.0.0.1", port=1), "test", (1,))

    with pytest.raises(BrokerError, match="cannot be reached"):
        broker.connect()
