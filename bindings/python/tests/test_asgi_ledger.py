"""ASGI applications: no request is lost, see ledger.py."""

import unittest

from asgi_program import LOOPS, program
from ledger import Ledger

SOURCE = """
@path
async def work(scope, receive, send):
    content = await read(receive)
    await asyncio.sleep(0.001)
    streams = scope["query_string"] == b"stream"
    await start(send)
    await body(send, content if streams else content + b" from %d" % os.getpid(), streams)
    if streams:
        await asyncio.sleep(0)
        await body(send, b" from ", True)
        await body(send, b"%d" % os.getpid())
"""


class LedgerTest(Ledger, unittest.TestCase):
    ways = LOOPS

    def program(self, loop, **options):
        return program(SOURCE, loop, **options)


if __name__ == "__main__":
    unittest.main()
