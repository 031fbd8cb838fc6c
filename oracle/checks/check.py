"""What `drill-oracle check` looks at: all that `run` needs, and nothing is changed by it."""

from __future__ import annotations

import os
import time
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

from chain.errors import ChainError
from chain.finality import in_words
from chain.quorum_chain import QuorumChain
from chain.views import GasState
from host import broker_check, database_check
from host.checks import CheckLine, CheckStep, Mark, MissingError, NoteError, who_looks
from host.clock_sync import ADVICE, clock_is_synchronised
from host.deployment_record import read_deployment
from host.static_files import KEPT_FREE_BYTES
from host.theft_reports import reported_stolen
from oracle.checks import journal_check
from oracle.checks.deployment_check import compare_deployment
from oracle.checks.endpoint_check import endpoint_checks
from oracle.endpoints import open_chain, trust
from oracle.errors import SigningError
from oracle.ports import Signer
from oracle.run import require_terms
from oracle.settings import Settings
from oracle.settling.gas_key import gas_left
from oracle.signing.held_key import PROBE
from oracle.signing.keyring import Keyring
from oracle.signing.registration import OracleIdentity, advice
from oracle.signing.sign import GasAccount, open_keys
from protocol.deployment import Deployment


@dataclass
class OracleCheck:
    """The steps over one file of settings. What a step opens, those that need it use."""

    settings: Settings

    def steps(self) -> list[CheckStep]:
        """In the order in which they are said."""
        chain = ("endpoints",)
        broker = self.settings.broker
        name = f"oracle-{self.settings.oracle.number}"
        return [
            CheckStep("looking as", who_looks),
            CheckStep("settings", self._said),
            CheckStep("deployment record", self._record),
            CheckStep("keys", self._keys_found),
            CheckStep("clock", _clock),
            CheckStep("message keys", self._message_keys),
            *(
                [CheckStep("theft reports", self._theft)]
                if self.settings.lease.theft_folder
                else []
            ),
            CheckStep("endpoints", self._endpoints, ("deployment record",)),
            CheckStep("quorum", self._quorum),
            CheckStep("finality", self._finality),
            CheckStep("newest block", self._head, chain),
            CheckStep("deployment", self._deployment, chain),
            CheckStep("gas key", self._gas, ("keys", *chain)),
            CheckStep("oracle key", self._registered, ("keys", *chain)),
            *[
                CheckStep(f"drill {drill}", lambda drill=drill: self._drill(drill), chain)  # type: ignore[misc]
                for drill in self.settings.oracle.drills
            ],
            CheckStep("journal", self._journal, ("deployment record", "keys")),
            CheckStep("disk", lambda: journal_check.space(self.settings.journal)),
            CheckStep("publication", self._publication),
            CheckStep("broker certificate", lambda: broker_check.certificate(broker, name)),
            CheckStep("broker", self._broker, ("broker certificate",)),
        ]

    @cached_property
    def _told(self) -> Deployment:
        return read_deployment(self.settings.chain.deployment)

    @cached_property
    def _keys(self) -> tuple[Keyring, GasAccount]:
        keys = self.settings.keys
        return open_keys(keys.signing(), keys.gas(), keys.next())

    @cached_property
    def _chain(self) -> QuorumChain:
        return open_chain(self.settings.chain, self._told)

    def _said(self) -> str:
        return f"oracle {self.settings.oracle.number}, drills {list(self.settings.oracle.drills)}"

    def _theft(self) -> str:
        stolen = reported_stolen(self.settings.lease.theft_folder or Path())
        ours = sorted(stolen & {*self.settings.oracle.drills})
        return f"reported stolen: {', '.join(map(str, ours)) or 'none'}"

    def _record(self) -> str:
        require_terms(self.settings, self._told)
        return f"contract {self._told.contract} on chain {self._told.chain_id}"

    def _keys_found(self) -> list[CheckLine]:
        ring, gas = self._keys
        names = ("signing key", "next signing key")
        found = [_probed(*one) for one in zip(names, ring.signers, strict=False)]
        return [*found, CheckLine(Mark.OK, "gas key", gas.address)]

    def _message_keys(self) -> str:
        return f"{len(self.settings.read_message_keys())}, one for each drill"

    def _endpoints(self) -> list[CheckLine]:
        self._chain.require_deployment()
        return [*self._each_endpoint()]

    def _each_endpoint(self) -> Iterator[CheckLine]:
        try:
            for name, finding in endpoint_checks(self._chain, self.settings.chain):
                unfit = finding.startswith("NOT FIT")
                yield CheckLine(Mark.NOTE if unfit else Mark.OK, name, finding)
        except ChainError as error:
            yield CheckLine(Mark.MISSING, "endpoints", str(error))

    def _quorum(self) -> str:
        return trust(self.settings.chain)

    def _finality(self) -> str:
        return in_words(self.settings.chain.tiers())

    def _head(self) -> str:
        head, limits = self._chain.head(), self.settings.chain
        age_seconds = int(time.time()) - head.timestamp
        if age_seconds > limits.head_age_seconds:
            raise MissingError(
                f"block {head.number} is {age_seconds} s old, and chain.head_age_seconds allows "
                f"{limits.head_age_seconds}: no drill would start. Is the node stuck, or this "
                "box's clock ahead?"
            )
        if -age_seconds > limits.clock_skew_seconds:
            raise MissingError(
                f"block {head.number} is dated {-age_seconds} s after this box's clock, and "
                f"chain.clock_skew_seconds allows {limits.clock_skew_seconds}: set the clock (NTP)"
            )
        return f"block {head.number}, {age_seconds} s old by this box's clock"

    def _deployment(self) -> str:
        return compare_deployment(self._chain, self._told)

    def _gas(self) -> str:
        address, head = self._keys[1].address, self._chain.head()
        limits = self.settings.settlement.gas_limits()
        left = gas_left(
            self._chain.gas_money_wei(address),
            self._chain.gas_price_wei(head),
            head,
            per_day=1,
            limits=limits,
        )
        text = f"{left.money_wei} wei, {left.settlements} settlements at the present price of gas"
        if left.state is GasState.EMPTY:
            raise MissingError(f"{text}: not one; send {address} some of the chain's coin")
        if left.state is GasState.LOW:
            raise NoteError(f"{text}; send {address} some more of the chain's coin soon")
        return text

    def _registered(self) -> str:
        number = self.settings.oracle.number
        found = self._chain.oracle(number, self._chain.head())
        if found is None:
            raise MissingError(
                f"the contract has no oracle {number}; the provider registers it with "
                f"register_oracle({self._keys[0].addresses[0]}), or oracle.number is wrong"
            )
        fault = advice(found, OracleIdentity.of(number, self._keys[0].signers))
        if fault is not None:
            raise MissingError(fault)
        return f"oracle {number} is registered with {found.key}"

    def _drill(self, drill: int) -> str:
        found, number = self._chain.drill(drill, self._chain.head()), self.settings.oracle.number
        if found is None:
            raise MissingError(
                f"the contract has no drill {drill}; the provider lists it with list_drill"
            )
        if found.oracle != number:
            raise MissingError(
                f"belongs to oracle {found.oracle}, not {number}; the provider moves it with "
                f"reassign_drill, or take it out of oracle.drills"
            )
        return f"rental {found.rental}" if found.rental else "not rented"

    def _journal(self) -> str:
        addresses = self._keys[0].addresses
        return journal_check.content(self.settings.journal, self._told.domain, addresses)

    def _publication(self) -> str:
        publication = self.settings.publication
        if publication is None:
            return "none: nobody outside can recompute bills from samples"
        folder = publication.folder
        if not folder.is_dir():
            raise MissingError(f"{folder}: there is no such folder; make it, or mount it")
        ours = folder / f"{self._told.chain_id}-{self._told.contract.lower()}"
        for place in (folder, ours):
            if place.exists() and not os.access(place, os.R_OK | os.W_OK | os.X_OK):
                raise MissingError(
                    f"{place} cannot be written; give it to the user that runs the oracle"
                )
        disk = os.statvfs(folder)
        if disk.f_bavail * disk.f_frsize < KEPT_FREE_BYTES:
            raise MissingError(
                f"less than {KEPT_FREE_BYTES >> 20} MiB are free on the disk of {folder}; "
                "publication leaves those to the journal"
            )
        return f"{folder} can be written, every {publication.period_seconds} s"

    def _broker(self) -> str:
        broker = self.settings.broker
        path = journal_check.sqlite_path(self.settings.journal)
        if path is not None and database_check.is_locked(path):
            raise NoteError(
                f"{broker.host}:{broker.port} is not tried: an oracle with this journal is "
                "running, and a second connection under its name would end its own"
            )
        return broker_check.connection(broker, f"drill-oracle-{self.settings.oracle.number}-check")


def _probed(name: str, signer: Signer) -> CheckLine:
    """Whether a key signs, and how fast."""
    begun = time.monotonic()
    try:
        signer.sign(PROBE)
    except SigningError as error:
        return CheckLine(Mark.MISSING, name, str(error))
    taken_ms = round(1000 * (time.monotonic() - begun))
    curve = "P-256" if signer.is_p256 else "secp256k1"
    return CheckLine(Mark.OK, name, f"{signer.address}, {curve}, a signature in {taken_ms} ms")


def _clock() -> str:
    kept = clock_is_synchronised()
    if kept is None:
        raise NoteError("the kernel does not say whether anything keeps it in step")
    if not kept:
        raise NoteError(f"{ADVICE}. No lease is issued while it is out of step with the chain")
    return "kept in step, as the kernel says"
