"""The contract tests run for each way of compiling that --optimisers names: the results must not
differ."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from contracts.builders import Yard, deploy_yard
from contracts.evm import Chain, Deployed
from contracts.orders import forwarder_of
from contracts.sources import OPTIMISERS, drill_meter, forwarder_code, mock
from eth_account.signers.local import LocalAccount

from lab.rig.contract import DEPLOYED, Compiled, Optimiser


@pytest.hookimpl(tryfirst=True)
def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    """Make one test, or one for each optimiser, of those that deploy the contract."""
    if "optimiser" in metafunc.fixturenames:
        chosen = OPTIMISERS if metafunc.config.getoption("optimisers") == "all" else (DEPLOYED,)
        metafunc.parametrize("optimiser", chosen, indirect=True, scope="session")


@pytest.fixture(scope="session")
def optimiser(request: pytest.FixtureRequest) -> Optimiser:
    return request.param


@pytest.fixture(scope="session")
def compiled(optimiser: Optimiser) -> Compiled:
    return drill_meter(optimiser)


@pytest.fixture
def chain() -> Chain:
    return Chain()


@pytest.fixture
def compiled_otherwise(optimiser: Optimiser) -> Callable[[Yard], None]:
    """A function that puts the forwarder as this optimiser makes it in the place of the one that
    the meter has created, with the same immutables behind it."""

    def put(yard: Yard) -> None:
        forwarder = forwarder_of(yard)
        size = len(forwarder_code(DEPLOYED))
        values = yard.chain.code(forwarder)[size:]
        yard.chain.adopt(forwarder, forwarder_code(optimiser) + values)

    return put


@pytest.fixture(scope="session")
def people(
    customer: LocalAccount,
    provider: LocalAccount,
    oracle_key: LocalAccount,
    relayer: LocalAccount,
    stranger: LocalAccount,
) -> dict[str, LocalAccount]:
    return {
        "customer": customer,
        "provider": provider,
        "oracle": oracle_key,
        "relayer": relayer,
        "stranger": stranger,
    }


@pytest.fixture
def yard(chain: Chain, compiled: Compiled, people: dict[str, LocalAccount]) -> Yard:
    """A deployment for the native coin."""
    return deploy_yard(chain, compiled, people)


@pytest.fixture
def token(chain: Chain, provider: LocalAccount) -> Deployed:
    return chain.deploy(mock("token"), provider)


@pytest.fixture
def token_yard(
    chain: Chain, compiled: Compiled, people: dict[str, LocalAccount], token: Deployed
) -> Yard:
    """A deployment for a token."""
    return deploy_yard(chain, compiled, people, token)


@pytest.fixture
def make_yard(
    chain: Chain, compiled: Compiled, people: dict[str, LocalAccount], provider: LocalAccount
) -> Callable[[str], Yard]:
    """A function that deploys for a token of tests/contracts/mocks, by its name."""
    return lambda name: deploy_yard(chain, compiled, people, chain.deploy(mock(name), provider))


@pytest.fixture(params=("native", "token"))
def any_yard(
    request: pytest.FixtureRequest,
    chain: Chain,
    compiled: Compiled,
    people: dict[str, LocalAccount],
    token: Deployed,
) -> Yard:
    """A deployment for each kind of payment asset."""
    return deploy_yard(chain, compiled, people, token if request.param == "token" else None)
