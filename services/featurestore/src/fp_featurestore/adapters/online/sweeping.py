"""Delete the copies that nobody sees and nobody fills."""

from collections import defaultdict

from fp_redis import RedisClient

from fp_featurestore.adapters.online import keys
from fp_featurestore.adapters.online.scripts import DROP

_SCAN = 1_000
_POINTERS = frozenset((keys.SEEN, keys.BUILDING))


async def sweep(link: RedisClient) -> None:
    """One pass over the store."""
    live: dict[str, frozenset[str]] = {}
    position = b"0"
    while True:
        ((position, found),) = await link.ask(("SCAN", position, "MATCH", keys.ANY, "COUNT", _SCAN))
        copies: dict[tuple[str, str], list[bytes]] = defaultdict(list)
        for key in found:
            copies[keys.split(key.decode())].append(key)
        await _learn(link, live, {prefix for prefix, _ in copies} - live.keys())
        for (prefix, copy), names in copies.items():
            if copy in _POINTERS or copy in live[prefix]:
                continue
            # Which copies live may have changed since: the script looks again.
            pointers = (keys.seen(prefix), keys.building(prefix))
            await link.run(DROP, (pointers, (copy, keys.cursor(prefix, copy), *names)))
        if int(position) == 0:
            return


async def _learn(link: RedisClient, live: dict[str, frozenset[str]], prefixes: set[str]) -> None:
    for prefix in prefixes:
        answers = await link.ask(("GET", keys.seen(prefix)), ("GET", keys.building(prefix)))
        live[prefix] = frozenset(answer.decode() for answer in answers if answer)
