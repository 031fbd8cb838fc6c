"""Steps of `check` that look at the broker: certificates, and a connection that says nothing.

`hint` and `tls_trouble` put in words what most often stands behind a connection that fails.
"""

from __future__ import annotations

import re
import socket
import ssl
from collections.abc import Callable
from pathlib import Path
from threading import Event
from typing import Any, Protocol

import paho.mqtt.client as mqtt
from paho.mqtt.enums import CallbackAPIVersion

from host.checks import MissingError
from host.secret_files import read_secret, require_private

ANSWER_SECONDS = 10
KEEPALIVE_SECONDS = 15

HAS_EXPIRED = 10
"""OpenSSL's X509_V_ERR_CERT_HAS_EXPIRED, which the standard library gives no name."""

_OURS = re.compile(r"(?:oracle|bridge)-[1-9][0-9]*|page|server|ca")
"""Names that `scripts/certificates` gives."""


class BrokerPlace(Protocol):
    """The part of a program's settings that is about the broker."""

    @property
    def host(self) -> str:
        """Its name or address."""

    @property
    def port(self) -> int:
        """Its TCP port."""

    @property
    def username(self) -> str | None:
        """Who we are, with a password."""

    @property
    def password_file(self) -> Path | None:
        """Our password's file."""

    @property
    def ca_file(self) -> Path | None:
        """The authority's certificate; turns on TLS."""

    @property
    def cert_file(self) -> Path | None:
        """Our certificate."""

    @property
    def key_file(self) -> Path | None:
        """Our certificate's key."""


def certificate(place: BrokerPlace, name: str) -> str:
    """Step: our certificate fits its key, is valid now, and is signed by the broker's authority.

    `name` is what `scripts/certificates` calls it; another program's is refused, as the broker's
    access list goes by it. Raises MissingError or SecretError.
    """
    if place.ca_file is None:
        return "no TLS: whoever is on the line reads all, and can hold it back"
    if place.cert_file is None or place.key_file is None:
        tls_context(place)
        return "TLS without a certificate of our own"
    require_private(place.key_file, "broker certificate's key")
    found = _presented(place)
    names = [value for part in found["subject"] for key, value in part if key == "commonName"]
    held = str(names[0]) if names else "nobody"
    if held != name and _OURS.fullmatch(held):
        raise MissingError(
            f"{place.cert_file} is the certificate of {held}, and this is {name}: the broker would "
            f"take it for {held}. Make one with: scripts/certificates client FOLDER {name}"
        )
    return f"of {held}, valid until {found['notAfter']}"


def tls_context(place: BrokerPlace) -> ssl.SSLContext:
    """How we connect; raises MissingError that names the files at fault."""
    try:
        context = ssl.create_default_context(cafile=str(place.ca_file))
        context.minimum_version = ssl.TLSVersion.TLSv1_2
        if place.cert_file is not None and place.key_file is not None:
            context.load_cert_chain(str(place.cert_file), str(place.key_file))
    except OSError as error:  # SSLError is one
        raise MissingError(
            f"TLS files of the broker ({place.ca_file}, {place.cert_file}, {place.key_file}): "
            f"{error}"
        ) from error
    return context


def connection(place: BrokerPlace, client_id: str) -> str:
    """Step: the broker takes our connection. Nothing is published and nothing asked for.

    Raises MissingError or SecretError.
    """
    where = f"{place.host}:{place.port}"
    answered, answer = Event(), [""]
    client = mqtt.Client(
        CallbackAPIVersion.VERSION2, client_id=client_id, protocol=mqtt.MQTTv311, clean_session=True
    )

    def said(text: str) -> None:
        if not answered.is_set():
            answer[0] = text
            answered.set()

    def on_connect(_client: Any, _data: Any, _flags: Any, reason: Any, _properties: Any) -> None:
        said(f"refuses the connection: {reason}" if reason.is_failure else "")

    def on_disconnect(*_arguments: Any) -> None:
        said(f"closes the connection before it answers: {hint(place)}")

    client.on_connect, client.on_disconnect = on_connect, on_disconnect
    if place.username is not None:
        password = None
        if place.password_file is not None:
            password = read_secret(place.password_file, "broker password")
        client.username_pw_set(place.username, password)
    if place.ca_file is not None:
        client.tls_set_context(tls_context(place))
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


def _reach(place: BrokerPlace) -> None:
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


def hint(place: BrokerPlace) -> str:
    """Why a broker most often ends a connection at once."""
    if place.ca_file is None:
        return "does it speak TLS there? Then name its authority in broker.ca_file"
    if place.cert_file is None:
        return "does it want a certificate? Name yours in broker.cert_file and key_file"
    return f"does it not know the authority of {place.cert_file}, or has that expired?"


def tls_trouble(place: BrokerPlace, error: OSError) -> str:
    """What failed of TLS, in words."""
    if isinstance(error, ssl.SSLCertVerificationError):
        if error.verify_code == HAS_EXPIRED:
            return (
                "its certificate has expired; move it and its key away and make another with: "
                "scripts/certificates server"
            )
        return (
            f"its certificate is refused: {error.verify_message}; it must be signed by the "
            f"authority in {place.ca_file} and bear the name {place.host}"
        )
    reason = str(getattr(error, "reason", None) or error).lower().replace("_", " ")
    return f"no TLS connection ({reason}): does it speak TLS on that port?"


def _presented(place: BrokerPlace) -> dict[str, Any]:
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
