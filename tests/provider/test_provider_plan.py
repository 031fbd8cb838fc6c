"""The plan's own limits: what is refused before any chain is asked."""

from __future__ import annotations

from pathlib import Path

import pytest
from eth_account import Account

from lab.rig.services import DEV_MNEMONIC, ROOT
from provider.errors import PlanError
from provider.known_keys import is_local, known_keys, require_own_keys
from provider.plan import read_plan

EXAMPLE = (ROOT / "scripts" / "deployment-plan.toml").read_text("utf-8")
ZERO = "0x" + "0" * 40
ORACLE = "0x70997970C51812dc3A010C7d01b50e0d17dc79C8"
DRILLS = '["Pillar drill no. 1", "Pillar drill no. 2"]'


def test_read_plan__example__is_whole() -> None:
    plan = read_plan(ROOT / "scripts" / "deployment-plan.toml")

    assert plan.bond == 4 * plan.penalty == 2 * 10**17
    assert len(plan.drills) == 2


def test_read_plan__amount_as_text__may_be_larger_than_toml_numbers(tmp_path: Path) -> None:
    path = tmp_path / "plan.toml"
    path.write_text(EXAMPLE.replace("200_000_000_000_000_000 ", '"20_000_000_000_000_000_000" '))

    assert read_plan(path).bond == 2 * 10**19


@pytest.mark.parametrize(
    ("good", "bad", "said"),
    [
        (ORACLE, ZERO, "oracle_key: the zero address has no key"),
        (ORACLE, ORACLE[:-1], "oracle_key: .* is not an address"),
        (ORACLE, ORACLE.replace("C5", "c5"), "oracle_key: .* capital letters"),
        (DRILLS, f'["{"ü" * 33}"]', "drills.0: .* has 66 bytes"),
        (DRILLS, f'["{"ü" * 37}"]', "drills.0: .* has 74 bytes; a label has 1 to 64"),
        (DRILLS, '[""]', "drills.0: .* has 0 bytes"),
        (DRILLS, '["a\\u001b[2J"]', "drills.0: .* cannot be shown"),
        (DRILLS, '["a", "a"]', "drills: two have the same label"),
        (DRILLS, "[]", "drills: List should have at least 1 item"),
        ("bond = 200", "# bond = 200", "bond: Field required"),
        ("max_rpm = 700", "max_rpm = 0", "tariff.levels.2.max_rpm"),
        ("penalty = 50", "penalty = -50", "penalty"),
        (
            "penalty = 50_000_000_000_000_000 ",
            'penalty = "0.05 ETH" ',
            "penalty: .* is not an amount",
        ),
        ("grace_period_seconds = 86400", "grace_period_seconds = true", "grace_period_seconds"),
        ("asset =", "aset =", "a[s]?set: "),
        ("[tariff]", "[tarif", "not TOML"),
    ],
)
def test_read_plan__bad_value__is_named(tmp_path: Path, good: str, bad: str, said: str) -> None:
    path = tmp_path / "plan.toml"
    assert good in EXAMPLE
    path.write_text(EXAMPLE.replace(good, bad), encoding="utf-8")

    with pytest.raises(PlanError, match=f"plan.toml: .*{said}|plan.toml: {said}") as caught:
        read_plan(path)

    assert "\n" not in str(caught.value)


def test_read_plan__label_of_64_bytes__is_taken(tmp_path: Path) -> None:
    path = tmp_path / "plan.toml"
    path.write_text(EXAMPLE.replace(DRILLS, f'["{"ü" * 32}"]'), encoding="utf-8")

    assert read_plan(path).drills == ["ü" * 32]


def test_read_plan__oracle_key_from_outside__is_checked_as_well(tmp_path: Path) -> None:
    with pytest.raises(PlanError, match="oracle_key: the zero address"):
        read_plan(ROOT / "scripts" / "deployment-plan.toml", ZERO)


def test_read_plan__file_that_is_none__says_so(tmp_path: Path) -> None:
    with pytest.raises(PlanError, match="No such file"):
        read_plan(tmp_path / "plan.toml")
    (tmp_path / "plan.toml").write_bytes(b"\xff\xfe")
    with pytest.raises(PlanError, match="not TOML"):
        read_plan(tmp_path / "plan.toml")


def test_require_own_keys__account_that_everybody_has__is_refused() -> None:
    Account.enable_unaudited_hdwallet_features()
    tenth = Account.from_mnemonic(DEV_MNEMONIC, account_path="m/44'/60'/0'/0/9").address
    for address in (tenth, tenth.lower(), Account.from_key(b"\x00" * 31 + b"\x01").address):
        with pytest.raises(PlanError, match=r"the provider is .* everybody has its key"):
            require_own_keys({"the provider": str(address)})

    require_own_keys({"the provider": str(Account.create().address)})
    assert ORACLE.lower() in known_keys()


@pytest.mark.parametrize(
    ("chain_id", "client", "said", "local"),
    [
        (31337, "Geth/v1.15", False, True),
        (1337, "anvil/v1", False, True),
        (1, "anvil/v1", False, False),
        (1, "anvil/v1", True, True),
        (1, "Geth/v1.15", True, False),
        (1, "not anvil/v1", True, False),
    ],
)
def test_is_local__id_or_word_and_program__decide(
    chain_id: int, client: str, said: bool, local: bool
) -> None:
    assert is_local(chain_id, client, said_to_be=said) is local
