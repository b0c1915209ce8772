"""The threads of a worker that call an application, or servicers of gRPC.

They are Python's own, and not those of the library's handler pool, because a response in pieces is sent while the call
that makes it goes on, and because what an application keeps in a :class:`threading.local`, a connection to a database
perhaps, is there again for the thread's next request.
"""

from __future__ import annotations

import contextlib
import queue
import threading
from collections.abc import Callable

_IDLE = 10.0  # seconds after which a thread without work ends

Job = Callable[[], None]


class Threads:
    """At most so many threads, made when they are needed, with a name. Jobs deal with their exceptions themselves."""

    def __init__(self, name: str, most: int, waiting_most: int) -> None:
        self._name = name
        self._most = most
        self._waiting_most = waiting_most
        self._jobs: queue.SimpleQueue[Job] = queue.SimpleQueue()
        self._lock = threading.Lock()
        # Guarded by the lock.
        self._count = 0
        self._unfinished = 0  # jobs that wait, or that a thread has

    def submit(self, job: Job) -> bool:
        """Has a thread do a job. False: all are busy and too many jobs wait, or the system has no thread."""
        with self._lock:
            if self._unfinished >= self._most + self._waiting_most:
                return False
            if self._unfinished >= self._count and self._count < self._most:
                self._start()
            if self._count == 0:
                return False
            self._unfinished += 1
        self._jobs.put(job)
        return True

    def _start(self) -> None:
        with contextlib.suppress(RuntimeError):  # the system has no more; the others do what waits
            threading.Thread(target=self._work, name=self._name, daemon=True).start()
            self._count += 1

    def _work(self) -> None:
        while True:
            try:
                job = self._jobs.get(timeout=_IDLE)
            except queue.Empty:
                with self._lock:
                    if self._unfinished < self._count:  # what is there, the others do
                        self._count -= 1
                        return
                continue
            try:
                job()
            finally:
                with self._lock:
                    self._unfinished -= 1
