"""Access logs in a format of gunicorn's, made of the lines that the library has as JSON."""

from __future__ import annotations

import datetime
import errno
import json
import logging
import os
import re
import time
from collections.abc import Callable
from typing import Any, Optional

from .. import sink

FORMS = ("common", "combined", "json")
# The format that gunicorn has by default is the combined log format.
_GUNICORN_FORMAT = '%(h)s %(l)s %(u)s %(t)s "%(r)s" %(s)s %(b)s "%(f)s" "%(a)s"'

_MONTHS = ("Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec")  # in any locale

# What gunicorn's letters stand for, of a line as JSON.
_ATOMS: dict[str, Callable[[dict[str, Any]], Any]] = {
    "h": lambda line: line.get("client") or line["peer"].rpartition(":")[0].strip("[]") or "-",
    "l": lambda line: "-",
    "u": lambda line: "-",
    "t": lambda line: _time(line["time"]),
    "r": lambda line: f"{line['method']} {line['target']} HTTP/{line['version']}",
    "m": lambda line: line["method"],
    "U": lambda line: line["target"].partition("?")[0],
    "q": lambda line: line["target"].partition("?")[2],
    "H": lambda line: f"HTTP/{line['version']}",
    "s": lambda line: line["status"],
    "B": lambda line: line["bytes"],
    "b": lambda line: line["bytes"] or "-",
    "f": lambda line: line["referer"] or "-",
    "a": lambda line: line["user_agent"] or "-",
    "T": lambda line: int(line["seconds"]),
    "M": lambda line: round(line["seconds"] * 1e3),
    "D": lambda line: round(line["seconds"] * 1e6),
    "L": lambda line: f"{line['seconds']:.6f}",
    "p": lambda line: f"<{os.getpid()}>",
}


def read_format(value: Any) -> str:
    """A form of the library's, or a format. Raises ValueError for what is neither."""
    if value in FORMS:
        return str(value)
    if value == _GUNICORN_FORMAT:
        return "combined"
    names = re.findall(r"%\(([^)]*)\)s", value) if isinstance(value, str) else []
    unknown = [name for name in names if name not in _ATOMS]
    if not names or unknown:
        what = f"%({unknown[0]})s is not known" if unknown else f"{value!r} is no format"
        raise ValueError(f"{what}: expected {', '.join(FORMS)}, or one of %({')s, %('.join(_ATOMS)})s")
    try:
        value % dict.fromkeys(_ATOMS, "")
    except (TypeError, ValueError, KeyError) as exc:
        raise ValueError(f"{value!r} is no format: {exc}") from None
    return str(value)


class AccessLog:
    """Where lines go: a file, or stdout. Inherited by the workers, each of which writes whole lines.

    It is called between requests, and waits for nobody: what a reader that has stopped, or a full disk, does not take is lost.
    """

    def __init__(
        self, path: str, log_format: Optional[str], warn: Callable[[str], Any], logger: Optional[logging.Logger] = None
    ) -> None:
        """`log_format` None leaves lines as they are; `warn` is told what was lost. With a logger lines go there instead.

        Raises OSError.
        """
        self._logger = logger
        self._warn = warn
        self._lost = 0
        self._reason: Optional[str] = None  # of the latest
        self._told = float("-inf")  # when it was told of, by time.monotonic()
        self._path = None if path == "-" else os.path.abspath(path)
        self._format = log_format
        self._fd = 1 if self._path is None else _open(self._path)

    def write(self, line: str) -> None:
        """Writes a line of the library's."""
        if self._format is not None:
            fields = json.loads(line)
            line = self._format % {name: str(atom(fields)).replace('"', '\\"') for name, atom in _ATOMS.items()}
        if self._logger is not None:
            self._logger.info("%s", line)
            return
        try:
            sink.write(self._fd, f"{line}\n".encode("utf-8", "replace"))
        except OSError as exc:
            self._lost += 1
            stopped = exc.errno == errno.EAGAIN
            self._reason = "whoever reads them does not keep up, or has stopped" if stopped else exc.strerror
        if time.monotonic() - self._told >= 1:
            self.tell_lost()

    def tell_lost(self) -> None:
        """Tells how many lines were lost since it last did, if any were: with a line once a second, and when the worker leaves."""
        if self._lost > 0:
            self._warn(f"access log: {self._lost} {'line was' if self._lost == 1 else 'lines were'} lost: {self._reason}")
            self._lost, self._told = 0, time.monotonic()

    def reopen(self) -> None:
        """Opens the file anew, as after its rotation. Raises OSError, and goes on with the old one."""
        if self._path is not None:
            fd = _open(self._path)
            os.dup2(fd, self._fd, inheritable=False)
            os.close(fd)


def _open(path: str) -> int:
    """As the library opens its log files: a named pipe without a reader is an error, and not waited for."""
    return os.open(path, os.O_WRONLY | os.O_APPEND | os.O_CREAT | os.O_CLOEXEC | os.O_NOCTTY | os.O_NONBLOCK, 0o640)


def _time(text: str) -> str:
    at = datetime.datetime.fromisoformat(text.replace("Z", "+00:00")).astimezone()
    return at.strftime(f"[%d/{_MONTHS[at.month - 1]}/%Y:%H:%M:%S %z]")
