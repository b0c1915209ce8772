"""``wsgi.errors``: a text stream whose lines go to the server's log."""

from __future__ import annotations

import io
import threading

from .._header import LOG_ERROR
from ..log import Log


class ErrorStream(io.TextIOBase):
    """One for all requests of a process. The beginning of a line is kept until its end comes, or flush()."""

    def __init__(self, log: Log) -> None:
        super().__init__()
        self._log = log
        self._lock = threading.Lock()
        self._begun = ""

    def writable(self) -> bool:
        return True

    def write(self, text: str) -> int:
        with self._lock:
            *lines, self._begun = (self._begun + text).split("\n")
        for line in lines:
            self._log.log(LOG_ERROR, line)
        return len(text)

    def flush(self) -> None:
        with self._lock:
            line, self._begun = self._begun, ""
        if line:
            self._log.log(LOG_ERROR, line)
