"""`drill-oracle ocmf`: a rental's record from the journal, signed with the signing key."""

from __future__ import annotations

import contextlib
from importlib.metadata import version
from pathlib import Path

from sqlalchemy import URL

from oracle.errors import OracleError
from oracle.journal.store import open_journal
from oracle.samples.extent_journal import ExtentJournal
from oracle.samples.ocmf import OcmfMeter, ocmf_payload, ocmf_record, require_final
from oracle.signing.places import KeyPlace
from oracle.signing.sign import open_signer
from protocol.records import Domain


def export_ocmf(
    journal_url: URL, domain: Domain, oracle: int, key: KeyPlace, rental: int
) -> tuple[str, bytes]:
    """The record of an ended rental and the public key (DER) to check it with; `oracle` is the
    number under which `key` signs.

    Raises OracleError when its final reading is not signed, JournalError and KeystoreError.
    """
    with open_journal(journal_url, domain) as store:
        journal = ExtentJournal(store)
        extent, page = journal.extent(rental), journal.page(rental)
        signed = None if extent is None else journal.final_reading(extent)
    extent, final = require_final(extent, rental, signed)
    signer = open_signer(key)
    meter = OcmfMeter(domain, oracle, signer.address, version("smart-drill"))
    return ocmf_record(ocmf_payload(meter, page, extent, final), signer.sign)


def write_new(path: Path, content: bytes) -> None:
    """Write a file that is not there yet; raises OracleError that names it."""
    try:
        with path.open("xb") as file:
            file.write(content)
    except FileExistsError as error:
        raise OracleError(f"{path} exists; remove it first") from error
    except OSError as error:
        with contextlib.suppress(OSError):  # where it could not even be made
            path.unlink(missing_ok=True)
        raise OracleError(f"{path}: {error.strerror}") from error
