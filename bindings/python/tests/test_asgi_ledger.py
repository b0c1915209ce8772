"""No request is lost by reloads, recycling and the death of the master; by that of a worker only its own are."""

import contextlib
import os
import signal
import unittest

from asgi_program import each_loop, program
from test_wsgi_ledger import CLIENTS, Clients, children

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


class LedgerTest(unittest.TestCase):
    @contextlib.contextmanager
    def load(self, loop, **options):
        with program(SOURCE, loop, workers=2, **options) as served:
            served.wait_ready(2)
            with Clients(served.address) as clients:
                clients.wait_until(lambda: len(clients.pids) >= 2)
                yield served, clients
                clients.wait_for_more()
            self.assertEqual(served.stop(), 0)

    @each_loop
    def test_reloads_lose_nothing(self, loop):
        with self.load(loop) as (served, clients):
            for _ in range(3):
                before = set(clients.pids)
                served.send_signal(signal.SIGHUP)
                served.log.wait_for("reload")
                clients.wait_until(lambda: len(clients.pids - before) >= 2)
                clients.wait_for_more()
        self.assertEqual(clients.lost, [])

    @each_loop
    def test_recycling_loses_nothing(self, loop):
        with self.load(loop, max_requests=100) as (served, clients):
            clients.wait_until(lambda: len(clients.pids) >= 6)
        self.assertEqual(clients.lost, [])

    @each_loop
    def test_the_death_of_the_master_loses_nothing(self, loop):
        with self.load(loop) as (served, clients):
            for _ in range(2):
                master = next(pid for pid in children(served.pid) if pid not in clients.pids)
                os.kill(master, signal.SIGKILL)
                clients.wait_until(lambda: len(set(children(served.pid)) - clients.pids - {master}) == 1)
                clients.wait_for_more()
        self.assertEqual(clients.lost, [])

    @each_loop
    def test_the_death_of_a_worker_loses_only_its_requests(self, loop):
        deaths = 3
        with self.load(loop) as (served, clients):
            for _ in range(deaths):
                worker = next(pid for pid in children(served.pid) if pid in clients.pids)
                os.kill(worker, signal.SIGKILL)
                clients.wait_until(lambda: worker not in children(served.pid))
                clients.wait_for_more()
        self.assertLessEqual(len(clients.lost), deaths * CLIENTS)


if __name__ == "__main__":
    unittest.main()
