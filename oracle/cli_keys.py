"""`drill-oracle keys`: new keys, in a keystore or where they never leave, and what the contract is
told of those of P-256."""

from __future__ import annotations

from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer

from host.deployment_record import read_deployment
from host.errors import SettingsError
from host.extras import needing
from host.keystores import new_keystore
from host.secret_files import read_secret
from oracle.signing.curves import P256, SECP256K1
from oracle.signing.places import HeldPlace, TokenPlace, TpmPlace
from oracle.signing.sign import open_held_key
from oracle.signing.tpm_key import new_tpm_key
from oracle.signing.tpm_wire import FIRST_HANDLE, LAST_HANDLE
from protocol.typed_data import batch_digest, split_signature

keys = typer.Typer(help="Keystores, tokens and TPMs.", no_args_is_help=True)


class CurveName(StrEnum):
    """As the option has it."""

    SECP256K1 = "secp256k1"
    P256 = "p256"


CURVE_OF = {CurveName.SECP256K1: SECP256K1, CurveName.P256: P256}

Pkcs11 = Annotated[Path | None, typer.Option("--pkcs11", help="PKCS#11 library of a token.")]
Token = Annotated[str | None, typer.Option("--token", help="The token's label.")]
Key = Annotated[str | None, typer.Option("--key", help="The label of the key.")]
PinFile = Annotated[Path | None, typer.Option("--pin-file", help="The file with the token's PIN.")]
Tpm = Annotated[Path | None, typer.Option("--tpm", help="A TPM 2.0, mostly /dev/tpmrm0.")]
Handle = Annotated[
    str | None, typer.Option("--handle", help="The key's persistent handle, as 0x81010001.")
]
AuthFile = Annotated[
    Path | None, typer.Option("--auth-file", help="The file with what authorises the key's use.")
]


def _held(
    token: tuple[Path | None, str | None, str | None, Path | None],
    tpm: tuple[Path | None, str | None, Path | None],
) -> HeldPlace | None:
    """The token or the TPM that the options name, or None; raises SettingsError for a part of
    either, or some of both."""
    module, label, key, pin_file = token
    if module and label and key and pin_file and not any(tpm):
        return TokenPlace(module, label, key, pin_file)
    device, handle, auth_file = tpm
    if device and handle and auth_file and not any(token):
        return TpmPlace(device, _handle(handle), auth_file)
    if any(token) or any(tpm):
        raise SettingsError(
            "a key that never leaves is named by --pkcs11, --token, --key and --pin-file, or by "
            "--tpm, --handle and --auth-file"
        )
    return None


def _handle(text: str) -> int:
    try:
        handle = int(text, 16)
    except ValueError:
        handle = 0
    if not FIRST_HANDLE <= handle <= LAST_HANDLE:
        raise SettingsError(
            f"--handle is {FIRST_HANDLE:#x} to {LAST_HANDLE:#x}, where the owner's keys lie"
        )
    return handle


@keys.command("new")
def keys_new(  # noqa: PLR0917  typer calls it by keyword
    out: Annotated[Path | None, typer.Option("--out", help="The keystore to write.")] = None,
    password_file: Annotated[
        Path | None, typer.Option("--password-file", help="The file with the keystore's password.")
    ] = None,
    pkcs11: Pkcs11 = None,
    token: Token = None,
    key: Key = None,
    pin_file: PinFile = None,
    curve: Annotated[
        CurveName | None, typer.Option("--curve", help="Of a token's key; secp256k1 by default.")
    ] = None,
    tpm: Tpm = None,
    handle: Handle = None,
    auth_file: AuthFile = None,
    owner_auth_file: Annotated[
        Path | None,
        typer.Option("--owner-auth-file", help="What authorises the TPM's owner, where it is set."),
    ] = None,
) -> None:
    """Create a key in a new encrypted keystore, in a token or in a TPM, and print its address."""
    place = _held((pkcs11, token, key, pin_file), (tpm, handle, auth_file))
    in_token, in_tpm = isinstance(place, TokenPlace), isinstance(place, TpmPlace)
    if (curve and not in_token) or (owner_auth_file and not in_tpm):
        raise SettingsError("--curve is for a token's key, --owner-auth-file for a TPM's")
    if bool(out) != bool(password_file) or bool(out) == bool(place):
        raise SettingsError(
            "a new key needs --out and --password-file, or --pkcs11, --token, --key and "
            "--pin-file, or --tpm, --handle and --auth-file"
        )
    if isinstance(place, TpmPlace):
        owner = read_secret(owner_auth_file, "authorisation").encode() if owner_auth_file else b""
        typer.echo(new_tpm_key(place, owner).address)
    elif isinstance(place, TokenPlace):
        with needing("oracle"):
            from oracle.signing.token_key import new_token_key  # noqa: PLC0415  for tokens only
        typer.echo(new_token_key(place, CURVE_OF[curve or CurveName.SECP256K1]).address)
    elif out and password_file:
        typer.echo(new_keystore(out, password_file))


@keys.command("enrolment")
def keys_enrolment(  # noqa: PLR0917  typer calls it by keyword
    deployment: Annotated[
        Path, typer.Option("--deployment", help="The deployment record of the contract.")
    ],
    pkcs11: Pkcs11 = None,
    token: Token = None,
    key: Key = None,
    pin_file: PinFile = None,
    tpm: Tpm = None,
    handle: Handle = None,
    auth_file: AuthFile = None,
) -> None:
    """Print what the contract must be told of a P-256 key before it is registered or rotated to.

    That is its address, its point, and the command with which the provider enrols it.
    """
    place = _held((pkcs11, token, key, pin_file), (tpm, handle, auth_file))
    if place is None:
        raise SettingsError(
            "name the key by --pkcs11, --token, --key and --pin-file, or by --tpm, --handle and "
            "--auth-file"
        )
    domain = read_deployment(deployment).domain
    signer = open_held_key(place)
    public = signer.public
    if public.curve is not P256:
        raise SettingsError(
            f"{place} is of {public.curve.name}: it is registered by its address "
            f"{public.address}, without enrolment"
        )
    _v, r, s = split_signature(signer.sign(batch_digest(domain, [])))
    words = [f"0x{word:064x}" for word in (public.x, public.y, r, s)]
    for name, value in zip(("address", "x", "y"), (public.address, *words), strict=False):
        typer.echo(f"{name:8}{value}")
    typer.echo(f"drill-provider oracle enrol {' '.join(words)}")
