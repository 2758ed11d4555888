"""Requests of HTTP/1.1, byte for byte."""

import asyncio

from fp_testkit.patience import PATIENCE

PATH = "/things/t-1/do"


async def exchange(address, *parts):
    """What the server answers until it closes the connection."""
    host, _, port = address.rpartition(":")
    reader, writer = await asyncio.open_connection(host, int(port))
    for part in parts:
        writer.write(part)
        await writer.drain()
        await asyncio.sleep(0)
    async with asyncio.timeout(PATIENCE):
        answer = await reader.read()
    writer.close()
    return answer


def request(keys, *lines, body=b"x", verb="POST", length=None):
    head = f"{verb} {PATH} HTTP/1.1\r\nhost: x\r\nauthorization: Bearer {keys.sign()}\r\n"
    size = "" if length == "" else f"content-length: {length or len(body)}\r\n"
    return (head + size + "".join(f"{line}\r\n" for line in lines) + "\r\n").encode() + body
