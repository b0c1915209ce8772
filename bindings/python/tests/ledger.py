"""What WSGI and ASGI servers lose: clients that count each request, and what is done to the server meanwhile.

No request is lost by reloads, recycling and the death of the master; by that of a worker only its own are.
"""

import contextlib
import functools
import http.client
import os
import signal
import threading
import time
from pathlib import Path

from program import TIMEOUT

CLIENTS = 4
LIMIT = 180  # seconds for what clients on a busy machine do
GRACE = "60s"  # a client that does not come round sooner finds its connection closed, which is no fault of the server's


class Clients:
    """Clients that send one request after the other, and write down what becomes of each."""

    def __init__(self, address):
        self._address = address
        self._end = threading.Event()
        self._lock = threading.Lock()
        self.done = 0
        self.lost = []
        self.pids = set()
        self._threads = [threading.Thread(target=self._send, args=(number,)) for number in range(CLIENTS)]

    def __enter__(self):
        for thread in self._threads:
            thread.start()
        return self

    def __exit__(self, *exc):
        self._end.set()
        for thread in self._threads:
            thread.join(TIMEOUT)

    def _send(self, number):
        connection = http.client.HTTPConnection(self._address, timeout=TIMEOUT)
        serial = 0
        while not self._end.is_set():
            serial += 1
            body = f"{number}.{serial}"
            if serial % 20 == 0:
                connection.close()
            try:
                connection.request("POST", "/work?stream" if serial % 3 == 0 else "/work", body)
                response = connection.getresponse()
                received = response.read().decode()
                if response.status != 200 or not received.startswith(f"{body} from "):
                    raise http.client.HTTPException(f"{response.status} {received!r}")
            except (OSError, http.client.HTTPException) as exc:
                connection.close()
                with self._lock:
                    self.lost.append(f"{body}: {exc!r}")
                continue
            with self._lock:
                self.done += 1
                self.pids.add(int(received.rpartition(" ")[2]))
        connection.close()

    def wait_for_more(self, count=100):
        """Waits until so many more requests are through."""
        self.wait_until(lambda wanted=self.done + count: self.done >= wanted)

    def wait_until(self, condition):
        until = time.monotonic() + LIMIT
        while not condition():
            if time.monotonic() > until:
                raise AssertionError(f"{self.done} requests are through, lost: {self.lost[:5]}")
            time.sleep(0.01)


def children(pid):
    return [int(child) for child in Path(f"/proc/{pid}/task/{pid}/children").read_text().split()]


def each_way(test):
    """Runs a test with a server of each way."""

    @functools.wraps(test)
    def run(self):
        for way in self.ways:
            with self.subTest(way=way):
                test(self, way)

    return run


class Ledger:
    """The tests. A case says in which `ways` there are servers, and by which `program` of one."""

    @contextlib.contextmanager
    def load(self, way, **options):
        with self.program(way, workers=2, drain_grace=GRACE, drain_timeout=f"{LIMIT}s", **options) as served:
            served.wait_ready(2)
            with Clients(served.address) as clients:
                clients.wait_until(lambda: len(clients.pids) >= 2)
                yield served, clients
                clients.wait_for_more()
            self.assertEqual(served.stop(), 0)

    @each_way
    def test_reloads_lose_nothing(self, way):
        with self.load(way) as (served, clients):
            for _ in range(3):
                before = set(clients.pids)
                served.send_signal(signal.SIGHUP)
                served.log.wait_for("reload")
                clients.wait_until(lambda: len(clients.pids - before) >= 2)
                clients.wait_for_more()
        self.assertEqual(clients.lost, [])

    @each_way
    def test_recycling_loses_nothing(self, way):
        with self.load(way, max_requests=30) as (served, clients):
            clients.wait_until(lambda: len(clients.pids) >= 6)
        self.assertEqual(clients.lost, [])

    @each_way
    def test_the_death_of_the_master_loses_nothing(self, way):
        with self.load(way) as (served, clients):
            for _ in range(2):
                master = next(pid for pid in children(served.pid) if pid not in clients.pids)
                os.kill(master, signal.SIGKILL)
                clients.wait_until(lambda: len(set(children(served.pid)) - clients.pids - {master}) == 1)
                clients.wait_for_more()
        self.assertEqual(clients.lost, [])

    @each_way
    def test_the_death_of_a_worker_loses_only_its_requests(self, way):
        deaths = 3
        with self.load(way) as (served, clients):
            for _ in range(deaths):
                worker = next(pid for pid in children(served.pid) if pid in clients.pids)
                os.kill(worker, signal.SIGKILL)
                clients.wait_until(lambda: worker not in children(served.pid))
                clients.wait_for_more()
        self.assertLessEqual(len(clients.lost), deaths * CLIENTS)
