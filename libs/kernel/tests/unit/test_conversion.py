"""Long conversions leave the event loop."""

import threading

from fp_kernel import off_loop


async def test_large_documents_are_converted_off_the_loop():
    here = threading.get_ident()

    assert await off_loop(100, threading.get_ident) == here
    assert await off_loop(1_000_000, threading.get_ident) != here
    assert await off_loop(100, threading.get_ident, small=99) != here
