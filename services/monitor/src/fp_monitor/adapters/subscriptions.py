"""Who waits for which topic in this process."""

import asyncio
from collections import defaultdict
from collections.abc import Iterator
from contextlib import contextmanager


class Subscription:
    def __init__(self) -> None:
        self._signalled = asyncio.Event()

    def signal(self) -> None:
        self._signalled.set()

    async def wait(self, seconds: float) -> bool:
        try:
            async with asyncio.timeout(seconds):
                await self._signalled.wait()
        except TimeoutError:
            return False
        self._signalled.clear()
        return True


class Subscriptions:
    """Signals inside one process."""

    def __init__(self) -> None:
        self._by_topic: defaultdict[str, set[Subscription]] = defaultdict(set)

    @contextmanager
    def subscribe(self, topic: str) -> Iterator[Subscription]:
        subscription = Subscription()
        self._by_topic[topic].add(subscription)
        try:
            yield subscription
        finally:
            self._by_topic[topic].discard(subscription)
            if not self._by_topic[topic]:
                del self._by_topic[topic]

    def signal(self, topic: str) -> None:
        for subscription in self._by_topic.get(topic, ()):
            subscription.signal()

    def signal_all(self) -> None:
        for topic in tuple(self._by_topic):
            self.signal(topic)
