"""The words of a statement, in each language it is written in.

Names of findings, fields of a reading and commands are not translated: they are what one looks up.
`meanings` has one for each name of a finding, `kinds` the words for what one can be about;
`units` for what an asset is called that has no name; `has_texts` tells whether the auditor's own
texts are in this language.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from audit.amounts import Style


@dataclass(frozen=True, slots=True)
class Words:
    """One language. Texts with braces are filled in by name or place."""

    code: str
    style: Style
    statement: str
    rental: str
    period: str
    states: dict[str, str]
    clean: str
    clean_beside: str
    partly: str
    despite: str
    funded: str
    charge: str
    owed: str
    refund: str
    balance: str
    state: str
    parties: str
    provider: str
    customer: str
    contract: str
    chain: str
    drill: str
    oracle: str
    oracle_is: str
    asset: str
    native: str
    erc20: str
    units: dict[str, str]
    as_node_says: str
    opened: str
    ended: str
    closed: str
    metered_until: str
    as_of: str
    as_of_is: str
    tariff: str
    tariff_note: str
    level: str
    levels: tuple[str, str, str]
    per_second: str
    per_hour: str
    per_1000: str
    highest_rpm: str
    standing: str
    caps: str
    cap_rental: str
    cap_hour: str
    no_cap: str
    least_reserve: str
    usage: str
    position: str
    quantity: str
    price: str
    amount: str
    active: str
    turns: str
    revolutions: str
    a_second: str
    a_thousand: str
    total_lines: str
    rounding: str
    limit: str
    given_back: str
    usage_note: str
    payments: str
    payments_of_rental: str
    left: str
    account: str
    account_note: str
    when: str
    what: str
    transaction: str
    block: str
    happened: dict[str, str]
    disputes: str
    disputes_note: str
    penalty: str
    usage_plot: str
    time_units: tuple[str, str, str]
    usage_told: str
    balance_plot: str
    balance_told: str
    course: str
    along: str
    drawn_from: dict[str, str]
    shaded: str
    reading: str
    reading_note: str
    no_reading: str
    field: str
    value: str
    signature: str
    key: str
    curve: str
    digest: str
    place_in_batch: str
    place_in_batch_is: str
    verified: str
    yes: str
    no: str
    not_seen: str
    recompute: str
    recompute_note: str
    findings: str
    none: str
    grade: str
    grades: dict[str, str]
    what_was_found: str
    concerns: str
    meanings: Mapping[str, str]
    kinds: dict[str, str]
    elsewhere: str
    and_more: str
    has_texts: bool
    texts_elsewhere: str
    samples: str
    samples_are: str
    samples_not: str
    samples_not_all: str
    checked: str
    events: str
    signatures: str
    by_proof: str
    by_views: str
    of: str
    footer: str
    page: str
