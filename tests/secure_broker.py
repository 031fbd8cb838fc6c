"""Mosquitto with exactly the configuration that is shipped for production, and its certificates."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from pathlib import Path

import paho.mqtt.client as mqtt
from cryptography import x509
from cryptography.hazmat.primitives.asymmetric.ec import EllipticCurvePrivateKey
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import Encoding, load_pem_private_key
from paho.mqtt.enums import CallbackAPIVersion

from lab.rig.errors import RigError
from lab.rig.services import HOST, ROOT, BrokerProcess, find_program, free_port

SHIPPED = ROOT / "box" / "mosquitto.conf"
SCRIPT = ROOT / "scripts" / "certificates"


def certificates(*arguments: str | Path) -> str:
    """Run the shipped script; returns what it printed."""
    done = subprocess.run([SCRIPT, *arguments], check=True, capture_output=True, timeout=300)
    return done.stdout.decode()


def let_expire(folder: Path, name: str) -> None:
    """Put another certificate for the same key and names in its place, one of yesterday."""
    place = folder / f"{name}.crt"
    known = x509.load_pem_x509_certificate(place.read_bytes())
    passphrase = folder.with_name(f"{folder.name}.passphrase").read_bytes().strip()
    authority = load_pem_private_key((folder / "ca.key").read_bytes(), passphrase)
    assert isinstance(authority, EllipticCurvePrivateKey)
    now = datetime.now(UTC)
    made = (
        x509.CertificateBuilder(
            known.issuer, known.subject, known.public_key(), x509.random_serial_number()
        )
        .not_valid_before(now - timedelta(days=2))
        .not_valid_after(now - timedelta(days=1))
    )
    for extension in known.extensions:
        made = made.add_extension(extension.value, extension.critical)
    place.write_bytes(made.sign(authority, SHA256()).public_bytes(Encoding.PEM))


class SecureBroker(BrokerProcess):
    """The broker of oracle 1 with so many drills; each program has a certificate by its name."""

    def __init__(self, folder: Path, drills: int) -> None:
        self.folder, self.port = folder, free_port()
        certificates("ca", folder)
        certificates("server", folder, HOST, "localhost")
        numbers = [*range(1, drills + 1)]
        for name in ("oracle-1", *(f"bridge-{drill}" for drill in numbers)):
            certificates("client", folder, name)
        acl = certificates("acl", "oracle-1=" + ",".join(map(str, numbers)))
        (folder / "drill.acl").write_text(acl)
        (folder / "mosquitto.conf").write_text(self._config())
        program = find_program("mosquitto")
        if program is None:
            raise RigError("mosquitto is not installed; run scripts/setup --with-debian")
        command = [program, "-c", folder / "mosquitto.conf"]
        super().__init__("mosquitto", command, folder / "mosquitto.log")

    def _config(self) -> str:
        """The shipped text, with this folder, a free port, and root where we are root."""
        text = SHIPPED.read_text("utf-8")
        assert text.count("listener 8883\n") == 1
        assert text.count("/etc/mosquitto/drill/") == 5, "four files, and one in a comment"
        text = text.replace("listener 8883\n", f"listener {self.port} {HOST}\n")
        text = text.replace("/etc/mosquitto/drill/", f"{self.folder}/")
        return ("user root\n" if os.geteuid() == 0 else "") + text

    def secure(self, client: mqtt.Client, name: str) -> None:
        """Give a client the certificate of that name."""
        client.tls_set(
            str(self.folder / "ca.crt"),
            str(self.folder / f"{name}.crt"),
            str(self.folder / f"{name}.key"),
        )

    def client(self, name: str) -> mqtt.Client:
        """A client with the certificate of that name, not yet connected."""
        client = mqtt.Client(CallbackAPIVersion.VERSION2, client_id="anything")
        self.secure(client, name)
        return client

    def settings(self, name: str) -> Mapping[str, str]:
        """What settings of the oracle name for that certificate."""
        return {
            "broker.ca_file": f'"{self.folder}/ca.crt"',
            "broker.cert_file": f'"{self.folder}/{name}.crt"',
            "broker.key_file": f'"{self.folder}/{name}.key"',
        }
