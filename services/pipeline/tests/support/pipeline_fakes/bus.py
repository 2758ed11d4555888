"""What the engine asks of the bus."""


async def all_read() -> int:
    """Every event has been read."""
    return 0
