"""Settings of an edge box: one TOML file, each value overridable by the environment.

`DRILL_ORACLE_BROKER__HOST` overrides `host` of `[broker]`, and so on. No secret is among them:
passwords are named by file. docs/operating-an-edge-box.md explains each value.
"""

from __future__ import annotations

import re
from pathlib import Path
from typing import Annotated

from pydantic import Field, field_validator, model_validator
from pydantic_settings import BaseSettings, SettingsConfigDict
from sqlalchemy import URL, make_url
from sqlalchemy.exc import ArgumentError

from chain.finality import Tier, parse_policy, require_rising
from host.secret_files import read_message_key, read_secret
from host.settings import BrokerSettings, Section, read_settings
from oracle.leasing.lease_policy import LeaseLimits, longest_wait_ms
from oracle.settling.gas_key import GasLimits
from oracle.settling.settlement_policy import SettlementLimits
from oracle.signing.places import KeyPlace, TokenPlace, TpmPlace
from oracle.signing.tpm_wire import FIRST_HANDLE, LAST_HANDLE
from protocol.leases import LONGEST_LEASE_MS
from protocol.messages import DrillNumber

PREFIX = "DRILL_ORACLE_"

PerMille = Annotated[int, Field(ge=0, le=1000)]
Seconds = Annotated[int, Field(ge=1, le=7 * 86_400)]


_RENAMED = {
    "rpc_url": 'name the endpoints in rpc_urls = ["http..."] and how many must agree in quorum',
    "confirmations": 'write [[chain.finality]] with policy = "latest-N"',
}


class OracleSettings(Section):
    """Which oracle this is, and the drills that it serves."""

    number: Annotated[int, Field(ge=1)]
    drills: Annotated[tuple[DrillNumber, ...], Field(min_length=1)]

    @model_validator(mode="after")
    def _distinct(self) -> OracleSettings:
        if len(set(self.drills)) != len(self.drills):
            raise ValueError(f"a drill is listed twice in {list(self.drills)}")
        return self


class FinalityTier(Section):
    """Funds up to `up_to` count as soon as `policy` accepts their block."""

    up_to: Annotated[int, Field(ge=1)] | None = None
    policy: str

    @field_validator("up_to", mode="before")
    @classmethod
    def _amount(cls, given: object) -> object:
        """Amounts are written as text, because many programs read a number over 2^63 wrongly."""
        if not isinstance(given, str):
            return given
        if not re.fullmatch(r"[1-9][0-9]{0,28}", given):
            raise ValueError(f"{given!r} is not an amount in the asset's smallest unit")
        return int(given)

    @field_validator("policy")
    @classmethod
    def _known(cls, given: str) -> str:
        parse_policy(given)
        return given

    def tier(self) -> Tier:
        """As the decision takes it."""
        return Tier(parse_policy(self.policy), self.up_to)


class ChainSettings(Section):
    """The chain's endpoints, how many must agree, and how deep a block must lie to count."""

    rpc_urls: Annotated[
        tuple[Annotated[str, Field(pattern=r"^https?://[^\s]+$")], ...], Field(min_length=1)
    ]
    quorum: Annotated[int, Field(ge=1)] = 2
    deployment: Path
    finality: Annotated[tuple[FinalityTier, ...], Field(min_length=1)] = (
        FinalityTier(policy="latest-1"),
    )
    publish_proofs: bool = False
    poll_seconds: Annotated[float, Field(ge=0.05, le=60)] = 0.25
    request_timeout_seconds: Annotated[float, Field(ge=0.1, le=60)] = 4
    silence_seconds: Seconds = 20
    head_age_seconds: Seconds = 60
    clock_skew_seconds: Seconds = 10

    @model_validator(mode="before")
    @classmethod
    def _renamed(cls, given: object) -> object:
        """Say what has taken the place of a setting that is gone."""
        for old, new in _RENAMED.items():
            if isinstance(given, dict) and old in given:
                raise ValueError(f"there is no {old}; {new}")
        return given

    @model_validator(mode="after")
    def _can_agree(self) -> ChainSettings:
        if len(set(self.rpc_urls)) != len(self.rpc_urls):
            raise ValueError("rpc_urls names an endpoint twice: it would vote twice")
        if self.quorum > len(self.rpc_urls):
            raise ValueError(
                f"quorum: {self.quorum} endpoints must agree, and rpc_urls names "
                f"{len(self.rpc_urls)}; name more, or set quorum = 1 to trust a single node"
            )
        require_rising(self.tiers())
        return self

    def tiers(self) -> tuple[Tier, ...]:
        """The finality policies, the shallowest first."""
        return tuple(tier.tier() for tier in self.finality)


class TokenSettings(Section):
    """A signing key in a PKCS#11 token: library, labels of token and key, and the PIN's file."""

    module: Path
    token: Annotated[str, Field(min_length=1)]
    key: Annotated[str, Field(min_length=1)]
    pin_file: Path

    def place(self) -> TokenPlace:
        """Where the key is."""
        return TokenPlace(self.module, self.token, self.key, self.pin_file)


class TpmSettings(Section):
    """A signing key in a TPM 2.0: device, persistent handle, and the file with what authorises its
    use."""

    device: Path = Path("/dev/tpmrm0")
    handle: Annotated[int, Field(ge=FIRST_HANDLE, le=LAST_HANDLE)]
    auth_file: Path

    def place(self) -> TpmPlace:
        """Where the key is."""
        return TpmPlace(self.device, self.handle, self.auth_file)


class KeySettings(Section):
    """One key signs, in a keystore, a token or a TPM, and another one pays gas. While the provider
    rotates the signing key, its successor is there as well."""

    signing_keystore: Path | None = None
    signing_password_file: Path | None = None
    signing_token: TokenSettings | None = None
    signing_tpm: TpmSettings | None = None
    next_keystore: Path | None = None
    next_password_file: Path | None = None
    next_token: TokenSettings | None = None
    next_tpm: TpmSettings | None = None
    gas_keystore: Path
    gas_password_file: Path

    @model_validator(mode="after")
    def _whole(self) -> KeySettings:
        self.signing()
        self.next()
        return self

    def signing(self) -> KeyPlace:
        """Where the signing key is."""
        keystore = _keystore("signing", self.signing_keystore, self.signing_password_file)
        place = _only_place("signing", keystore, self.signing_token, self.signing_tpm)
        if place is None:
            raise ValueError("signing_keystore, signing_token or signing_tpm is needed")
        return place

    def next(self) -> KeyPlace | None:
        """Where the signing key's successor is."""
        keystore = _keystore("next", self.next_keystore, self.next_password_file)
        return _only_place("next", keystore, self.next_token, self.next_tpm)

    def gas(self) -> tuple[Path, Path]:
        """Keystore and password file of the account that pays."""
        return self.gas_keystore, self.gas_password_file


def _keystore(name: str, keystore: Path | None, password: Path | None) -> tuple[Path, Path] | None:
    """A keystore with its password file; raises ValueError for half of it."""
    if keystore is None and password is None:
        return None
    if keystore is None or password is None:
        raise ValueError(f"{name}_keystore and {name}_password_file belong together")
    return keystore, password


def _only_place(
    name: str,
    keystore: tuple[Path, Path] | None,
    token: TokenSettings | None,
    tpm: TpmSettings | None,
) -> KeyPlace | None:
    """The one of them that is there; raises ValueError for several."""
    found: dict[str, KeyPlace] = {}
    if keystore is not None:
        found[f"{name}_keystore"] = keystore
    if token is not None:
        found[f"{name}_token"] = token.place()
    if tpm is not None:
        found[f"{name}_tpm"] = tpm.place()
    if len(found) > 1:
        raise ValueError(f"{' and '.join(found)} are {len(found)} places for one key")
    return next(iter(found.values()), None)


class JournalSettings(Section):
    """Where the journal is, as an SQLAlchemy URL; a server's password comes from a file. Beside an
    SQLite journal, `reserve_megabytes` are set aside for when the disk is full; it is copied to
    `copy_folder`, or beside itself, before a new release changes its schema."""

    url: Annotated[str, Field(pattern=r"^[a-z0-9+]+://")] = (
        "sqlite:////var/lib/drill-oracle/journal.sqlite"
    )
    password_file: Path | None = None
    reserve_megabytes: Annotated[int, Field(ge=1, le=10_000)] = 64
    copy_folder: Path | None = None

    @model_validator(mode="after")
    def _no_password(self) -> JournalSettings:
        try:
            parts = make_url(self.url)
        except ArgumentError:
            raise ValueError("url is not an SQLAlchemy URL") from None  # which may hold a password
        if parts.password is not None or "password" in parts.query:
            raise ValueError("url holds a password; put it into a file and name that password_file")
        return self

    def full_url(self) -> URL:
        """The URL with the password; raises SecretError that names the file at fault."""
        url = make_url(self.url)
        if self.password_file is None:
            return url
        return url.set(password=read_secret(self.password_file, "password"))


class SettlementSettings(Section):
    """When usage goes to the chain, and what it may cost."""

    share_of_balance: PerMille = 100
    gas_share: Annotated[int, Field(ge=1, le=1000)] = 50
    gas: Annotated[int, Field(ge=21_000, le=10_000_000)] = 55_000
    gas_warning_hours: Annotated[int, Field(ge=0, le=365 * 24)] = 72
    least_interval_seconds: Seconds = 10
    longest_interval_seconds: Seconds = 3600
    final_wait_seconds: Seconds = 120
    close_after_grace: bool = True
    bump_after_seconds: Seconds = 60
    highest_fee_gwei: Annotated[int, Field(ge=1, le=1_000_000)] = 500
    asset_units_per_ether: Annotated[int, Field(ge=1)] | None = None

    def limits(self) -> SettlementLimits:
        """The limits as the decision takes them; the native coin counts one unit to the wei."""
        return SettlementLimits(
            share_of_balance_per_mille=self.share_of_balance,
            gas_share_per_mille=self.gas_share,
            least_interval_ms=self.least_interval_seconds * 1000,
            longest_interval_ms=self.longest_interval_seconds * 1000,
            asset_units_per_ether=self.asset_units_per_ether or 10**18,
            gas=self.gas,
        )

    def gas_limits(self) -> GasLimits:
        """The limits as the watch over the gas key takes them."""
        return GasLimits(self.gas, self.gas_warning_hours)


class LeaseSettings(Section):
    """How long a lease lasts, what the reserve behind it covers, and where reports of theft are."""

    seconds: Annotated[int, Field(ge=2, le=LONGEST_LEASE_MS // 1000)] = 5
    longest_stroke_seconds: Annotated[int, Field(ge=0, le=3600)] = 15
    settlement_seconds: Seconds = 60
    warning_runway_seconds: Seconds = 120
    sample_age_seconds: Annotated[int, Field(ge=2, le=60)] = 4
    theft_folder: Path | None = None


class PublicationSettings(Section):
    """Where sample logs are published as static files, and how often."""

    folder: Path
    period_seconds: Annotated[int, Field(ge=1, le=3600)] = 60


class Settings(BaseSettings):
    """All settings of `drill-oracle`; read once, at the start."""

    model_config = SettingsConfigDict(
        env_prefix=PREFIX, env_nested_delimiter="__", frozen=True, extra="forbid"
    )

    oracle: OracleSettings
    chain: ChainSettings
    broker: BrokerSettings
    keys: KeySettings
    message_keys: dict[DrillNumber, Path]
    """For each drill the file of the message key that it shares with its bridge."""
    journal: JournalSettings = JournalSettings()
    settlement: SettlementSettings = SettlementSettings()
    lease: LeaseSettings = LeaseSettings()
    publication: PublicationSettings | None = None
    """Nothing is published without it."""

    @model_validator(mode="after")
    def _one_message_key_each(self) -> Settings:
        drills, keys = set(self.oracle.drills), set(self.message_keys)
        if drills - keys:
            raise ValueError(f"message_keys names no file for drills {sorted(drills - keys)}")
        if keys - drills:
            raise ValueError(f"message_keys names {sorted(keys - drills)}, not in oracle.drills")
        return self

    def read_message_keys(self) -> dict[int, bytes]:
        """Each drill's message key; raises SecretError that names the file at fault."""
        return {
            drill: read_message_key(path, f"drill {drill}'s message key")
            for drill, path in self.message_keys.items()
        }

    def lease_limits(self, grace_seconds: int) -> LeaseLimits:
        """The limits as the lease decision takes them, under a contract with that grace period."""
        return LeaseLimits(
            lease_ms=self.lease.seconds * 1000,
            stroke_ms=self.lease.longest_stroke_seconds * 1000,
            settlement_ms=self.lease.settlement_seconds * 1000,
            warning_runway_seconds=self.lease.warning_runway_seconds,
            chain_silence_ms=self.chain.silence_seconds * 1000,
            head_age_ms=self.chain.head_age_seconds * 1000,
            clock_skew_ms=self.chain.clock_skew_seconds * 1000,
            sample_age_ms=self.lease.sample_age_seconds * 1000,
            stalled_ms=longest_wait_ms(grace_seconds),
        )


def load_settings(path: Path) -> Settings:
    """Read the file and the environment; raises SettingsError naming the first bad value."""
    return read_settings(Settings, PREFIX, path)
