"""The process of the embedded broker: `python embedded_broker.py PORT`, until SIGTERM."""

import asyncio
import logging
import signal
import sys

from amqtt.broker import Broker
from amqtt.session import Session


class StrictBroker(Broker):  # type: ignore[misc]  # amqtt has no types
    """amqtt's broker, without its habit of greeting a client with everybody's retained messages.

    amqtt 0.12 goes through the subscriptions of all clients when one connects
    (`_initialize_client_session` calls this for each); MQTT 3.1.1 section 3.3.1.3 has retained
    messages go to who subscribes.
    """

    async def _publish_retained_messages_for_subscription(
        self, subscription: tuple[str, int], session: Session
    ) -> None:
        subscribers = [subscriber for subscriber, _ in self._subscriptions.get(subscription[0], [])]
        if any(subscriber.client_id == session.client_id for subscriber in subscribers):
            await super()._publish_retained_messages_for_subscription(subscription, session)


async def serve(port: int) -> None:
    """Serve MQTT 3.1.1 on 127.0.0.1 until SIGTERM or SIGINT."""
    stop = asyncio.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().add_signal_handler(number, stop.set)
    broker = StrictBroker(
        {
            "listeners": {"default": {"type": "tcp", "bind": f"127.0.0.1:{port}"}},
            "plugins": {
                "amqtt.plugins.authentication.AnonymousAuthPlugin": {"allow_anonymous": True}
            },
        }
    )
    await broker.start()
    await stop.wait()
    await broker.shutdown()


if __name__ == "__main__":
    logging.basicConfig(level=logging.WARNING)
    asyncio.run(serve(int(sys.argv[1])))
