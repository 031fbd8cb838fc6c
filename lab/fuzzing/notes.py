"""Situations worth getting into, which the model notes when it does; none may stay away."""

from __future__ import annotations

from typing import Final

CAME_ALONG: Final = "opened with coins that came along"
TOPPED_UP_OUT: Final = "topped up out of exhaustion"
TOPPED_UP_SHORT: Final = "topped up and still exhausted"
CREDIT_AGAIN: Final = "an hourly cap gave credit again"
CAPPED: Final = "closed owing what a cap allows and no more"
ENDED_BY_ANYBODY: Final = "ended by a stranger after a grace period without credit"
ENDED_BY_OPERATOR: Final = "ended by the operator"
ENROLLED_LATER: Final = "enrolled after an oracle had been given the key"
FINAL_READING: Final = "closed by its final reading"
CLOSED_AT_END: Final = "closed in the second of its end"
GRACE_PASSED: Final = "closed after the grace period"
LOSS: Final = "closed with more used than was funded"
NOTHING_LEFT: Final = "closed with nothing left"
AFTER_END: Final = "settled after the end, before the final reading"
EARLY: Final = "collected from a running rental"
SUSPENDED: Final = "disputed with the present key"
FORMER: Final = "disputed with a former key"
OLDER: Final = "disputed with an older receipt"
AFTERWARDS: Final = "disputed after the end"
CLOSED_DISPUTE: Final = "disputed after the closing"
CLOSED_BY_DISPUTE: Final = "closed by a dispute"
FROM_REVENUE: Final = "refunded from the revenue"
FROM_BOTH: Final = "refunded from the revenue and the bond"
AGAIN: Final = "disputed again with a lower receipt"
SHORT_REFUND: Final = "bond too short for the refund"
SHORT_PENALTY: Final = "bond too short for the penalty"
PENALISED: Final = "no second penalty for a key"
DRAWN: Final = "released what disputes had left of the bond"
MIXED: Final = "good and bad readings in one settlement"
SECURE: Final = "settled under a P-256 key"
ELSEWHERE: Final = "signed for another contract or chain, and refused"
OLD_KEY: Final = "signed by a former key, and refused"
OUT_OF_FORCE: Final = "signed by a suspended or revoked oracle, and refused"
REPEATED: Final = "settled before and refused"
FRONT_RUN: Final = "deposited under a permit that was used in front"

NOTES = frozenset(
    text for name, text in globals().items() if name.isupper() and isinstance(text, str)
)
