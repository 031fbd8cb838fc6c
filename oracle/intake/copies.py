"""Whether another oracle signs with a copy of this one's key, as the broker's receipts tell.

Two boxes with one key sign two logs of one rental, and each acknowledges samples that the other
never gets. So before this one says its first word, it looks at the receipts that the broker holds
for its drills: one that its own key has signed, and that its journal knows nothing of, is another
box's, or this journal is an old copy. It starts with neither. Two that run already find each other
by what settles (`settled_watch`).
"""

from __future__ import annotations

import time
from collections.abc import Callable, Collection, Iterable, Sequence

from host.mqtt_client import Incoming
from host.settings import BrokerSettings
from oracle.errors import CopiedKeyError
from oracle.intake.ingest import oracle_client
from protocol.errors import MessageError, SignatureError
from protocol.messages import Channel, ReadingMessage, parse_message, parse_topic
from protocol.records import Domain
from protocol.typed_data import batch_digest, recover_signer

LOOK_SECONDS = 1.0
"""A broker sends what it holds as soon as somebody subscribes."""


def foreign_receipt(
    held: Iterable[ReadingMessage],
    domain: Domain,
    addresses: Collection[str],
    signed_until: Callable[[int], int],
) -> str | None:
    """In words, the first receipt of one of our `addresses` that is dated after all that we have
    signed of its rental (`signed_until`, Unix ms, 0 for nothing); None if there is none."""
    for one in held:
        if one.domain() != domain:
            continue
        signature = bytes.fromhex(one.signature[2:])
        try:
            signer = recover_signer(batch_digest(domain, [one.reading()]), signature)
        except SignatureError:
            continue  # anybody may have put it there
        if signer in addresses and one.until > signed_until(one.rental):
            return (
                f"drill {one.drill} has a receipt of rental {one.rental} until {one.until} under "
                f"this box's key {signer}, and this journal has signed none so late: another "
                "oracle runs with a copy of the key, or this journal is an old copy; stop the "
                "other one, or rotate to a new key"
            )
    return None


def require_only_one(
    settings: BrokerSettings,
    oracle: int,
    drills: Sequence[int],
    *,
    domain: Domain,
    addresses: Collection[str],
    signed_until: Callable[[int], int],
) -> None:
    """Raise CopiedKeyError when the broker holds such a receipt; under a name of its own there, so
    that nobody else's connection is taken over. Raises BrokerError and JournalError."""
    name = f"drill-oracle-{oracle}-look"
    broker = oracle_client(settings, name, drills, (Channel.READING,))
    broker.connect()
    try:
        time.sleep(LOOK_SECONDS)
        incoming = broker.receive(2 * len(drills))
    finally:
        broker.close()
    found = foreign_receipt(_receipts(incoming), domain, addresses, signed_until)
    if found is not None:
        raise CopiedKeyError(found)


def _receipts(incoming: Iterable[Incoming]) -> list[ReadingMessage]:
    """What can be read of it; other messages are nobody's receipts."""
    found = []
    for message in incoming:
        try:
            drill, _channel = parse_topic(message.topic)
            found.append(parse_message(ReadingMessage, drill, message.payload))
        except MessageError:
            continue
    return found
