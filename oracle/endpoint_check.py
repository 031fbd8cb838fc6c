"""Can each endpoint do what the oracle needs of it: headers, proofs, receipts, finality tags?"""

from __future__ import annotations

from collections.abc import Iterator

from oracle.chain import RpcEndpoint
from oracle.errors import ChainError
from oracle.quorum_chain import QuorumChain
from oracle.settings import ChainSettings


def endpoint_checks(chain: QuorumChain, settings: ChainSettings) -> Iterator[tuple[str, str]]:
    """Yield (what, finding) for each endpoint; raises ChainError when fewer than a quorum are
    fit, or none has receipts that can be proven."""
    tags = sorted({tier.policy.tag for tier in settings.tiers() if tier.policy.tag})
    found = chain.pool.each(lambda endpoint: _fitness(endpoint, tags))
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


def _fitness(endpoint: RpcEndpoint, tags: list[str]) -> str:
    """What an endpoint can do; raises ChainError for the first thing that it must and cannot."""
    head = endpoint.block("latest")
    if endpoint.words((), head) is None:
        raise ChainError(f"{endpoint.place}: block {head.number} has no such contract")
    can = [f"block {head.number}", "proves state"]
    can += [f"{tag} {endpoint.block(tag).number}" for tag in tags]
    try:
        endpoint.receipts(head)
        can.append("proves receipts")
    except ChainError as error:
        can.append(f"log entries on a quorum's word only ({error})")
    return ", ".join(can)
