"""Measurements of a server with several workers: how connections spread over them, and what is lost when one dies."""

import os
import signal
import socket
import threading
import time

from servers import START_LIMIT, Failure, exchange

CLIENTS = 16
KILL_INTERVAL = 0.25  # seconds
CLIENT_TIMEOUT = 10  # seconds


def ask_workers(server):
    """Pairs of pid and accepted connections, of each worker that lives; GET /workers of peers/libforker.c."""
    with socket.create_connection(("127.0.0.1", server.port), timeout=CLIENT_TIMEOUT) as client:
        client.sendall(b"GET /workers HTTP/1.1\r\nHost: 127.0.0.1\r\nConnection: close\r\n\r\n")
        answer = client.makefile("rb").read()
    lines = answer.partition(b"\r\n\r\n")[2].splitlines()
    return [tuple(map(int, line.split())) for line in lines]


def wait_for_all(server, mode):
    deadline = time.monotonic() + START_LIMIT
    while len(ask_workers(server)) < mode.workers:
        if time.monotonic() > deadline:
            raise Failure(f"it has not {mode.workers} workers after {START_LIMIT} s")
        time.sleep(0.01)


def spread(server, mode, load):
    """In percent of a fair share, what the workers with the fewest and the most connections have accepted during `load`."""
    wait_for_all(server, mode)
    before = dict(ask_workers(server))
    load()
    counts = [accepted - before[pid] for pid, accepted in ask_workers(server)]
    share = sum(counts) / len(counts)
    return {"least_percent": 100 * min(counts) / share, "most_percent": 100 * max(counts) / share}


class Clients:
    """Threads that send a request on a connection of its own, one after the other, and count what becomes of them."""

    def __init__(self, server, mode):
        self.server, self.mode = server, mode
        self.over = threading.Event()
        self.lock = threading.Lock()
        self.answered = self.lost = 0
        self.threads = [threading.Thread(target=self.run) for _ in range(CLIENTS)]
        for thread in self.threads:
            thread.start()

    def run(self):
        answered = lost = 0
        while not self.over.is_set():
            try:
                with socket.create_connection(("127.0.0.1", self.server.port), timeout=CLIENT_TIMEOUT) as client:
                    exchange(client, self.mode)
                answered += 1
            except (OSError, Failure):
                lost += 1
        with self.lock:
            self.answered += answered
            self.lost += lost

    def end(self):
        self.over.set()
        for thread in self.threads:
            thread.join()


def kills(_name, server, mode, options):
    """Requests that are lost when workers are killed under load, one after the other."""
    wait_for_all(server, mode)
    clients, count = Clients(server, mode), 0
    try:
        deadline = time.monotonic() + options.duration
        while time.monotonic() < deadline:
            workers = ask_workers_patiently(server)
            os.kill(workers[count % len(workers)][0], signal.SIGKILL)
            count += 1
            time.sleep(KILL_INTERVAL)
    finally:
        clients.end()
    return {"requests": clients.answered + clients.lost, "kills": count, "lost_per_kill": clients.lost / count}


def ask_workers_patiently(server):
    """The one that is asked may be the one that was killed."""
    deadline = time.monotonic() + START_LIMIT
    while True:
        try:
            workers = ask_workers(server)
            if workers:
                return workers
        except OSError:
            pass
        if time.monotonic() > deadline:
            raise Failure(f"nobody answers {START_LIMIT} s after a worker was killed")
