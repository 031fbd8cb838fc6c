"""Whether the code at the address is the published DrillMeter, and what it is fixed to.

The deployed code is the compiler's, with the values of the immutables behind it. The code must be
equal to the last byte; of the immutables, those that no view shows say for which chain and address
signatures count.
"""

from __future__ import annotations

from hashlib import sha256

from eth_hash.auto import keccak

from audit.books.books import DeploymentTerms
from audit.deployed import immutables, lens_sha256, runtime
from audit.findings import Findings
from audit.node.values import hexadecimal
from protocol.records import Domain
from protocol.typed_data import domain_separator


def check_code(code: bytes, domain: Domain, findings: Findings) -> DeploymentTerms | None:
    """The deployment's fixed terms; None when it is not our code, which is a finding."""
    size, digest = runtime()
    subject = f"contract {domain.contract}"
    places = immutables()
    whole = size + sum(length for _, length in places.values())
    if len(code) != whole or sha256(code[:size]).hexdigest() != digest:
        findings.add(
            "code-differs",
            subject,
            f"{len(code)} bytes with SHA-256 {sha256(code[:size]).hexdigest()}; published are "
            f"{size} bytes and {whole - size} of immutables, SHA-256 {digest}",
        )
        return None
    value = {n: code[size + at : size + at + length] for n, (at, length) in places.items()}
    number = {name: int.from_bytes(word[:32], "big") for name, word in value.items()}
    prefix = "eip712_domain_separator"
    due = {
        f"{prefix}._CACHED_DOMAIN_SEPARATOR": domain_separator(domain),
        f"{prefix}._CACHED_CHAIN_ID": domain.chain_id.to_bytes(32, "big"),
        f"{prefix}._CACHED_SELF": bytes(12) + bytes.fromhex(domain.contract[2:]),
        "lens.LENS": bytes(12) + bytes.fromhex(lens_address(domain.contract)[2:]),
    }
    for name, expected in due.items():
        if value[name] != expected:
            text = f"{name} is {hexadecimal(value[name])}, should be {hexadecimal(expected)}"
            findings.add("terms-differ", subject, text)
    return DeploymentTerms(
        asset=f"0x{number['vault.ASSET']:040x}",
        grace_period=number["rentals.GRACE_PERIOD"],
        evidence_period=number["disputes.EVIDENCE_PERIOD"],
        penalty=number["disputes.PENALTY"],
    )


def lens_address(contract: str) -> str:
    """Where a contract's first creation is: the lens, which it creates when it is deployed."""
    rlp = b"\xd6\x94" + bytes.fromhex(contract[2:]) + b"\x01"
    return f"0x{keccak(rlp)[12:].hex()}"


def check_lens(code: bytes, contract: str, findings: Findings) -> None:
    """The views that describe are asked of the lens, so its code has to be the published one."""
    if (found := sha256(code).hexdigest()) != lens_sha256():
        text = f"{len(code)} bytes with SHA-256 {found}; published is SHA-256 {lens_sha256()}"
        findings.add("code-differs", f"lens {lens_address(contract)}", text)
