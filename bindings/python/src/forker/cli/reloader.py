"""Reload when a file of the program changes, for the time of development."""

from __future__ import annotations

import fnmatch
import os
import sys
import threading
import time
from collections.abc import Iterable, Iterator, Sequence

from .._header import LOG_ERROR, LOG_INFO
from ..error import Error
from ..server import Server

_INTERVAL = 0.5  # seconds
_UNKNOWN = -1
_CLOCK_STEP_NS = 20_000_000  # by how much the times of files may be behind the clock


class Reloader:
    """Watches, in one worker, the files of the modules that are imported there, and others."""

    def __init__(self, server: Server, extra: Iterable[str], includes: Sequence[str], excludes: Sequence[str]) -> None:
        """`extra` are files, and directories: of these, files whose names fit one of `includes`; without those, all."""
        self._server = server
        self._extra = [os.path.abspath(path) for path in extra]
        self._includes = includes or ("*",)
        self._excludes = [*excludes, *(os.path.abspath(path) for path in excludes)]
        if includes and not any(os.path.isdir(path) for path in self._extra):
            self._extra.append(os.getcwd())

    def start(self, since_ns: int) -> None:
        """Has a thread watch for what has changed since a time, at which the modules were not imported yet."""
        recent = range(since_ns - _CLOCK_STEP_NS, time.time_ns())  # beyond are files of other clocks
        seen = {path: _UNKNOWN if modified in recent else modified for path, modified in self._look().items()}
        threading.Thread(target=self._watch, args=(seen,), name="forker-reloader", daemon=True).start()

    def _watch(self, seen: dict[str, int]) -> None:
        while True:
            time.sleep(_INTERVAL)
            now = self._look()
            changed = [path for path, modified in now.items() if path in seen and modified != seen[path]]
            seen = {**seen, **now}
            if changed:
                self._reload(changed)

    def _reload(self, changed: list[str]) -> None:
        more = f" and {len(changed) - 1} more" if len(changed) > 1 else ""
        try:
            self._server.log(LOG_INFO, f"{changed[0]}{more} changed: reloading")
            self._server.reload()
        except Error as exc:
            self._server.log(LOG_ERROR, f"reload: {exc}")

    def _look(self) -> dict[str, int]:
        return {path: _modified(path) for path in self._files() if not self._is_excluded(path)}

    def _is_excluded(self, path: str) -> bool:
        """Whether a pattern fits a path, its name, or a directory that it is in."""
        names = (path, os.path.basename(path))
        return any(
            fnmatch.fnmatch(name, pattern) or path.startswith(pattern + os.sep) for pattern in self._excludes for name in names
        )

    def _files(self) -> Iterator[str]:
        for module in list(sys.modules.values()):
            file = getattr(module, "__file__", None)
            if isinstance(file, str):
                yield file
        for path in self._extra:
            if not os.path.isdir(path):
                yield path
            for directory, directories, names in os.walk(path):
                if "__pycache__" in directories:
                    directories.remove("__pycache__")
                for name in names:
                    if any(fnmatch.fnmatch(name, pattern) for pattern in self._includes):
                        yield os.path.join(directory, name)


def _modified(path: str) -> int:
    """When it was changed; 0: it is not there."""
    try:
        return os.stat(path).st_mtime_ns
    except OSError:
        return 0
