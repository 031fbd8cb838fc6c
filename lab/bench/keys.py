"""How fast each kind of signing key signs, and how many drills a box with it can serve.

A signature counts with what the oracle does to it: recovering the signer before anything leaves the
box. Of keys in hardware only that part can be measured here; the rows `a device of N ms` add a
device's own time to it, which `drill-oracle check` shows on the box.
"""

from __future__ import annotations

import os
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path

from host.keystores import new_keystore, open_keystore
from lab.rig.box_files import write_secret
from lab.rig.soft_token import SoftToken
from lab.rig.tpm import SoftTpm
from oracle.signing.curves import P256, SECP256K1
from oracle.signing.places import TpmPlace
from oracle.signing.sign import KeystoreSigner
from oracle.signing.token_key import TokenSigner, new_token_key
from oracle.signing.tpm_key import TpmSigner, new_tpm_key
from protocol.meter_word import MAX_READINGS
from protocol.typed_data import recover_signer

PATIENCE_SECONDS = 60.0
"""The software TPM shares its core with everything else here."""

LEASE_SECONDS = 5
"""What `lease.seconds` is if nobody says otherwise: a lease is signed every half of it."""

DEVICE_MS = (25, 50, 100, 200, 400)
"""From a TPM in a processor's firmware to a slow chip on a slow bus."""

Sign = Callable[[bytes], bytes]


@dataclass(frozen=True, slots=True)
class KeyFigure:
    """Of one kind of key: median and 95th percentile of a signature in us, and what follows."""

    key: str
    measured: bool
    median_us: int
    slow_us: int

    @property
    def per_second(self) -> int:
        """Signatures a second, by the median."""
        return 1_000_000 // self.median_us

    @property
    def drills(self) -> int:
        """Drills that turn at once: each needs one signature a second and its leases'."""
        return 1_000_000 * LEASE_SECONDS // (self.median_us * (LEASE_SECONDS + 2))

    @property
    def settled_per_second(self) -> int:
        """Readings a second in full settlements, if it signed nothing else."""
        return 1_000_000 * MAX_READINGS // self.median_us


def measure_keys(signatures: int) -> list[KeyFigure]:
    """Each kind of key that there is here, with so many signatures, and devices by their time."""
    with tempfile.TemporaryDirectory(prefix="keys-") as name:
        folder = Path(name)
        figures = [_figure(kind, _times(sign, signatures)) for kind, sign in _signers(folder)]
        checks = _check_times(folder, signatures)
    return [
        *figures,
        *[
            _figure(f"a device of {ms} ms", [ms * 1000 + one for one in checks], measured=False)
            for ms in DEVICE_MS
        ],
    ]


def _signers(folder: Path) -> Iterator[tuple[str, Sign]]:
    """What signs, each as the oracle opens it."""
    write_secret(folder / "password", "a password\n")
    new_keystore(folder / "key.json", folder / "password")
    opened = KeystoreSigner(open_keystore(folder / "key.json", folder / "password"))
    yield "keystore, secp256k1", opened.sign
    token = SoftToken(folder / "token")
    with token.here():
        for curve in (SECP256K1, P256):
            place = token.place(curve.name)
            new_token_key(place, curve)
            yield f"SoftHSM2, {curve.name}", TokenSigner(place).sign
    with _tpm_signer(folder) as signer:
        yield "swtpm, P-256", signer.sign


@contextmanager
def _tpm_signer(folder: Path) -> Iterator[TpmSigner]:
    write_secret(folder / "auth", "an authorisation\n")
    with SoftTpm(folder / "tpm", folder) as tpm:
        handle = 0x81010000 | int.from_bytes(os.urandom(2), "big")
        place = TpmPlace(tpm.socket, handle, folder / "auth")
        new_tpm_key(place)
        yield TpmSigner(place, answer_seconds=PATIENCE_SECONDS)


def _check_times(folder: Path, count: int) -> list[int]:
    """What the oracle itself does with a signature that a P-256 device has made, in us."""
    with _tpm_signer(folder) as signer:
        signed = [(digest, signer.sign(digest)) for digest in _digests(min(count, 50))]

    def check(number: int) -> None:
        digest, signature = signed[number % len(signed)]
        # Half of all signatures are tried with the other mark first.
        for _ in range(1 + number % 2):
            recover_signer(digest, signature)

    times = []
    for number in range(count):
        begun = time.perf_counter_ns()
        check(number)
        times.append((time.perf_counter_ns() - begun) // 1000)
    return times


def _times(sign: Sign, count: int) -> list[int]:
    """Of each signature, in us."""
    times = []
    for digest in _digests(count):
        begun = time.perf_counter_ns()
        sign(digest)
        times.append((time.perf_counter_ns() - begun) // 1000)
    return times


def _digests(count: int) -> list[bytes]:
    return [sha256(number.to_bytes(4, "big")).digest() for number in range(count)]


def _figure(key: str, times: Sequence[int], *, measured: bool = True) -> KeyFigure:
    ordered = sorted(times)
    return KeyFigure(
        key, measured, max(1, ordered[len(ordered) // 2]), ordered[len(ordered) * 95 // 100]
    )


def keys_table(figures: Sequence[KeyFigure]) -> str:
    """As Markdown."""
    rows = [
        f"| {one.key} | {one.median_us / 1000:,.2f} | {one.slow_us / 1000:,.2f} | "
        f"{one.per_second:,} | {one.drills:,} | {one.settled_per_second:,} |"
        for one in figures
    ]
    return "\n".join(
        [
            "| key | ms | 95 % | signatures a second | drills at once | readings a second |",
            "|---|---:|---:|---:|---:|---:|",
            *rows,
        ]
    )
