"""The chain's endpoints as the settings name them, and in words whom the oracle believes."""

from __future__ import annotations

from chain.contract import DrillMeter
from chain.endpoint import RpcEndpoint
from chain.quorum_chain import QuorumChain
from oracle.settings import ChainSettings
from protocol.deployment import Deployment


def open_chain(settings: ChainSettings, deployment: Deployment) -> QuorumChain:
    """The endpoints that the settings name; nothing is asked of them yet."""
    contract = DrillMeter(deployment.contract)
    timeout_seconds = settings.request_timeout_seconds
    endpoints = [
        RpcEndpoint(url, deployment.chain_id, contract, timeout_seconds)
        for url in settings.rpc_urls
    ]
    return QuorumChain(endpoints, settings.quorum, contract, timeout_seconds)


def trust(settings: ChainSettings) -> str:
    """In words, whom the oracle believes about the chain."""
    count, quorum = len(settings.rpc_urls), settings.quorum
    if quorum == 1:
        return f"1 of {count}: TRUST IN ONE NODE, whatever chain it makes up is believed"
    return f"{quorum} of {count} endpoints must agree"
