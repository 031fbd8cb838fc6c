"""Whether the code at the address is the published DrillMeter, and what it is fixed to.

The deployed code is the compiler's, with the values of the immutables behind it. The code must be
equal to the last byte; of the immutables, those that no view shows say for which chain and address
signatures count.
"""

from __future__ import annotations

from hashlib import sha256

from audit.books.books import DeploymentTerms
from audit.deployed import immutables, lens_sha256, runtime
from audit.findings import Findings
from audit.node.values import hexadecimal
from protocol.created import forwarder_address, lens_address
from protocol.orders import FORWARDER_NAME, FORWARDER_VERSION, forwarder_domain
from protocol.records import Domain
from protocol.typed_data import DOMAIN_NAME, DOMAIN_VERSION, separator_of


def check_code(code: bytes, domain: Domain, findings: Findings) -> DeploymentTerms | None:
    """The deployment's fixed terms; None when it is not our code, which is a finding."""
    subject = f"contract {domain.contract}"
    value = _immutables(code, "DrillMeter", subject, findings)
    if value is None:
        return None
    due = _domain(domain, DOMAIN_NAME, DOMAIN_VERSION) | {
        "lens.LENS": _word(lens_address(domain.contract)),
        "forwarder.FORWARDER": _word(forwarder_address(domain.contract)),
    }
    _require_equal(value, due, subject, findings)
    number = {name: int.from_bytes(word[:32], "big") for name, word in value.items()}
    return DeploymentTerms(
        asset=f"0x{number['vault.ASSET']:040x}",
        grace_period=number["rentals.GRACE_PERIOD"],
        evidence_period=number["disputes.EVIDENCE_PERIOD"],
        penalty=number["disputes.PENALTY"],
    )


def check_forwarder(code: bytes, domain: Domain, findings: Findings) -> None:
    """The meter believes the forwarder about who has called, so its code has to be the published
    one, and fixed to this meter and to its own address."""
    own = forwarder_domain(domain)
    subject = f"forwarder {own.contract}"
    value = _immutables(code, "DrillForwarder", subject, findings)
    if value is not None:
        due = _domain(own, FORWARDER_NAME, FORWARDER_VERSION) | {"METER": _word(domain.contract)}
        _require_equal(value, due, subject, findings)


def _immutables(
    code: bytes, contract: str, subject: str, findings: Findings
) -> dict[str, bytes] | None:
    """The immutables behind the code; None when it is not the published one, which is a finding."""
    size, digest = runtime(contract)
    places = immutables(contract)
    whole = size + sum(length for _, length in places.values())
    if len(code) != whole or sha256(code[:size]).hexdigest() != digest:
        findings.add(
            "code-differs",
            subject,
            f"{len(code)} bytes with SHA-256 {sha256(code[:size]).hexdigest()}; published are "
            f"{size} bytes and {whole - size} of immutables, SHA-256 {digest}",
        )
        return None
    return {n: code[size + at : size + at + length] for n, (at, length) in places.items()}


def _domain(domain: Domain, name: str, version: str) -> dict[str, bytes]:
    """What says for which chain and address signatures count, and under which name."""
    prefix = "eip712_domain_separator"
    return {
        f"{prefix}._CACHED_DOMAIN_SEPARATOR": separator_of(domain, name, version),
        f"{prefix}._CACHED_CHAIN_ID": domain.chain_id.to_bytes(32, "big"),
        f"{prefix}._CACHED_SELF": _word(domain.contract),
    }


def _word(address: str) -> bytes:
    return bytes(12) + bytes.fromhex(address[2:])


def _require_equal(
    value: dict[str, bytes], due: dict[str, bytes], subject: str, findings: Findings
) -> None:
    for name, expected in due.items():
        if value[name] != expected:
            text = f"{name} is {hexadecimal(value[name])}, should be {hexadecimal(expected)}"
            findings.add("terms-differ", subject, text)


def check_lens(code: bytes, contract: str, findings: Findings) -> None:
    """The views that describe are asked of the lens, so its code has to be the published one."""
    if (found := sha256(code).hexdigest()) != lens_sha256():
        text = f"{len(code)} bytes with SHA-256 {found}; published is SHA-256 {lens_sha256()}"
        findings.add("code-differs", f"lens {lens_address(contract)}", text)
