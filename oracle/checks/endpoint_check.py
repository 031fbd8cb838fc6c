"""Whether each endpoint can do what the oracle needs: headers, proofs, receipts, finality tags."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from chain.endpoint import RpcEndpoint
from chain.errors import ChainError
from chain.finality import Policy, Tier
from chain.quorum_chain import QuorumChain
from oracle.settings import ChainSettings
from protocol.headers import Header


def endpoint_checks(chain: QuorumChain, settings: ChainSettings) -> Iterator[tuple[str, str]]:
    """Yield (what, finding) for each endpoint; raises ChainError when fewer than a quorum are
    fit, or none has receipts that can be proven."""
    found = chain.pool.each(lambda endpoint: _fitness(endpoint, settings.tiers()))
    fit = 0
    for name, finding in found.items():
        if isinstance(finding, ChainError):
            yield f"endpoint {name}", f"NOT FIT: {finding}"
            continue
        fit += 1
        yield f"endpoint {name}", finding
    if fit < settings.quorum:
        reasons = "; ".join(str(one) for one in found.values() if isinstance(one, ChainError))
        raise ChainError(
            f"{fit} of {len(settings.rpc_urls)} endpoints are fit, {settings.quorum} must agree: "
            f"{reasons}"
        )


def _fitness(endpoint: RpcEndpoint, tiers: Sequence[Tier]) -> str:
    """What an endpoint can do; raises ChainError for the first thing that it must and cannot: all
    that a look at the chain asks, at the blocks at which it does."""
    head = endpoint.block("latest")
    if endpoint.words((), head) is None:
        raise ChainError(f"{endpoint.place}: block {head.number} has no such contract")
    can = [f"block {head.number}", "proves state"]
    for tier in tiers:
        at = _block_of(endpoint, tier.policy, head)
        if tier.policy.tag:
            can.append(f"{tier.policy.tag} {at.number}")
        try:
            endpoint.words((), at)
        except ChainError as error:
            raise ChainError(
                f"{endpoint.place} proves the state of the newest block and not of block "
                f"{at.number}, which the finality policy {tier.policy.text} needs (with reth: "
                f"--rpc.eth-proof-window): {error}"
            ) from error
    endpoint.logs_of(head)
    endpoint.logs_between(head.number, head.number)
    endpoint.priority_fee_wei()
    try:
        endpoint.block_receipts(head)
        can.append("proves receipts")
    except ChainError as error:
        can.append(f"log entries on a quorum's word only ({error})")
    return ", ".join(can)


def _block_of(endpoint: RpcEndpoint, policy: Policy, head: Header) -> Header:
    """The block that a policy accepts, below that head."""
    if policy.tag:
        return endpoint.block(policy.tag)
    return endpoint.block(max(head.number - policy.depth, 0)) if policy.depth else head
