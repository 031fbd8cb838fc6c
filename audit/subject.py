"""What is audited: the chain, the block that all is compared at, and the contract's terms."""

from __future__ import annotations

from audit.books import compare
from audit.books.books import DeploymentTerms
from audit.books.code import check_code, check_forwarder, check_lens
from audit.errors import AuditError, EndpointError, OtherChainError
from audit.findings import Findings
from audit.node.fetch import ContractEndpoint
from audit.order import AuditOrder
from protocol.created import forwarder_address, lens_address
from protocol.headers import Header
from protocol.records import Domain


def require_chain(chain: ContractEndpoint, order: AuditOrder) -> int:
    """The chain's number, which must be the one asked for; raises OtherChainError."""
    found, asked = chain.chain_id(), order.chain_id
    if asked is not None and found != asked:
        raise OtherChainError(f"{chain.endpoint.place} serves chain {found}, not chain {asked}")
    return found


def final_block(chain: ContractEndpoint, order: AuditOrder) -> Header:
    """The block that everything is compared at; raises OtherChainError without a trusted one."""
    if order.block_hash is not None:
        header = chain.header(order.block_hash)
        trusted = order.block_hash.lower()
        if header.hash != trusted or not header.proven:
            raise OtherChainError(f"the node gives no block that hashes to {trusted}")
        if order.to_block not in (None, header.number):
            raise AuditError(f"--block-hash is of block {header.number}, not {order.to_block}")
        return header
    return chain.header("latest" if order.to_block is None else order.to_block)


def deployed_terms(
    chain: ContractEndpoint, last: Header, domain: Domain, findings: Findings
) -> tuple[DeploymentTerms | None, bytes]:
    """The deployment's fixed terms and its code; no terms where it is some other contract."""
    code = chain.code(last.hash)
    if not code:
        raise OtherChainError(f"there is no contract at {chain.contract} in block {last.number}")
    fixed = check_code(code, domain, findings)
    if fixed is not None:
        lens = lens_address(domain.contract)
        check_lens(chain.code(last.hash, lens), domain.contract, findings)
        forwarder = forwarder_address(domain.contract)
        check_forwarder(chain.code(last.hash, forwarder), domain, findings)
    try:
        told = compare.chain_terms(chain, last)
    except EndpointError:
        # Some other contract may answer anything to calls that it does not know.
        if fixed is not None:
            raise
        return None, code
    if fixed is not None and fixed != told:
        text = f"the code has {fixed}, the views tell {told}"
        findings.add("terms-differ", f"contract {chain.contract}", text)
    return fixed or told, code
