"""Steps of `check` that look at the broker: certificates, and a connection that says nothing."""

from __future__ import annotations

import re
import socket
import ssl
from collections.abc import Callable
from threading import Event
from typing import Any

from host.broker_words import HAS_EXPIRED, hint, tls_trouble
from host.checks import MissingError
from host.mqtt_client import ANSWER_SECONDS, paho_client, tls_context
from host.settings import BrokerSettings

KEEPALIVE_SECONDS = 15

_OURS = re.compile(r"(?:oracle|bridge)-[1-9][0-9]*|page|server|ca")
"""Names that `scripts/certificates` gives."""


def certificate(place: BrokerSettings, name: str) -> str:
    """Step: our certificate fits its key, is valid now, and is signed by the broker's authority.

    `name` is what `scripts/certificates` calls it; another program's is refused, as the broker's
    access list goes by it. Raises MissingError, SettingsError or SecretError.
    """
    if place.ca_file is None:
        return "no TLS: whoever is on the line reads all, and can hold it back"
    if place.cert_file is None or place.key_file is None:
        tls_context(place)
        return "TLS without a certificate of our own"
    found = _presented(place)
    names = [value for part in found["subject"] for key, value in part if key == "commonName"]
    held = str(names[0]) if names else "nobody"
    if held != name and _OURS.fullmatch(held):
        raise MissingError(
            f"{place.cert_file} is the certificate of {held}, and this is {name}: the broker would "
            f"take it for {held}. Make one with: scripts/certificates client FOLDER {name}"
        )
    return f"of {held}, valid until {found['notAfter']}"


def connection(place: BrokerSettings, client_id: str) -> str:
    """Step: the broker takes our connection. Nothing is published and nothing asked for.

    Raises MissingError, SettingsError or SecretError.
    """
    where = f"{place.host}:{place.port}"
    answered, answer = Event(), [""]
    client = paho_client(place, client_id)

    def said(text: str) -> None:
        if not answered.is_set():
            answer[0] = text
            answered.set()

    def on_connect(_client: Any, _data: Any, _flags: Any, reason: Any, _properties: Any) -> None:
        said(f"refuses the connection: {reason}" if reason.is_failure else "")

    def on_disconnect(*_arguments: Any) -> None:
        said(f"closes the connection before it answers: {hint(place)}")

    client.on_connect, client.on_disconnect = on_connect, on_disconnect
    _reach(place)
    try:
        client.connect(place.host, place.port, KEEPALIVE_SECONDS)
    except (OSError, ValueError) as error:
        raise MissingError(f"{where} cannot be reached: {error}") from error
    client.loop_start()
    in_time = answered.wait(ANSWER_SECONDS)
    client.disconnect()
    client.loop_stop()
    if not in_time:
        raise MissingError(f"{where} does not answer within {ANSWER_SECONDS} s")
    if answer[0]:
        raise MissingError(f"{where} {answer[0]}")
    return f"{where} takes our connection"


def _reach(place: BrokerSettings) -> None:
    """Connect and, with TLS, shake hands, in a connection of our own: what paho makes for itself it
    does not close when that fails. Raises MissingError."""
    where = f"{place.host}:{place.port}"
    try:
        reached = socket.create_connection((place.host, place.port), ANSWER_SECONDS)
    except OSError as error:
        raise MissingError(f"{where} cannot be reached: {error}") from error
    if place.ca_file is None:
        reached.close()
        return
    context = tls_context(place)
    try:
        with reached, context.wrap_socket(reached, server_hostname=place.host):
            pass
    except OSError as error:  # SSLError is one
        raise MissingError(f"{where}: {tls_trouble(place, error)}") from error


def _presented(place: BrokerSettings) -> dict[str, Any]:
    """Our certificate as a broker with that authority sees it, by a handshake with ourselves in
    memory: the only way in which the standard library checks a certificate against an authority."""
    ours = tls_context(place)
    ours.check_hostname, ours.verify_mode = False, ssl.CERT_NONE
    theirs = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    theirs.load_cert_chain(str(place.cert_file), str(place.key_file))
    theirs.load_verify_locations(str(place.ca_file))
    theirs.verify_mode = ssl.CERT_REQUIRED
    to_us, to_them = ssl.MemoryBIO(), ssl.MemoryBIO()
    client = ours.wrap_bio(to_us, to_them)
    server = theirs.wrap_bio(to_them, to_us, server_side=True)
    try:
        _shake(client.do_handshake, server.do_handshake)
    except ssl.SSLCertVerificationError as error:
        if error.verify_code == HAS_EXPIRED:
            raise MissingError(
                f"{place.cert_file} has expired; move it and its key away and make another with: "
                "scripts/certificates client"
            ) from error
        raise MissingError(
            f"{place.cert_file} is not accepted by whoever trusts {place.ca_file}: "
            f"{error.verify_message}; make one with: scripts/certificates client"
        ) from error
    except ssl.SSLError as error:
        raise MissingError(f"{place.cert_file} cannot be used: {error}") from error
    return dict(server.getpeercert() or {})


def _shake(*sides: Callable[[], None]) -> None:
    """Let both sides of a handshake read what the other has written until both are done."""
    waiting = list(sides)
    for _ in range(10):  # TLS takes three turns
        for side in list(waiting):
            try:
                side()
            except ssl.SSLWantReadError:
                continue
            waiting.remove(side)
        if not waiting:
            return
    raise ssl.SSLError("the handshake does not end")
