"""The log and the access log of a server."""

from __future__ import annotations

import ctypes
import logging
import traceback
from collections.abc import Callable
from typing import Union

from . import _header
from ._header import LOG_DEBUG, LOG_ERROR, LOG_INFO, LOG_WARN, OK
from ._library import lib
from .callback import Callbacks, flush, write_exception
from .error import Error
from .signals import call_program

_LOGGING_LEVELS = {
    LOG_ERROR: logging.ERROR,
    LOG_WARN: logging.WARNING,
    LOG_INFO: logging.INFO,
    LOG_DEBUG: logging.DEBUG,
}


LogFunction = Callable[[int, str], None]
Logger = Union[logging.Logger, logging.LoggerAdapter]


class Log(Callbacks):
    """Where the lines of a server go, and those of the program."""

    def set_log(self, log: Logger | LogFunction | None) -> None:
        """Sends log lines to a logger, or a function of level and line, instead of stderr; None goes back.

        It is called in the process that has something to say (spawner, master, worker), also between requests,
        and must not call :meth:`log`. A line starts with time, level and process and has no newline. If it
        raises, that goes to stderr.
        """
        if log is None:
            self._register("log", lib.forker_server_set_log, _header.LOG_FN())
            return
        emit = _log_to_logger(log) if isinstance(log, (logging.Logger, logging.LoggerAdapter)) else log
        if not callable(emit):
            raise TypeError(f"a log is a logger or a function, not {type(log).__name__}")

        def call(level: int, line: int, length: int, user: int | None) -> None:
            try:
                call_program(emit, level, ctypes.string_at(line, length).decode("utf-8", "replace"))
            except BaseException as exc:
                self._contain("the log function failed", exc)
            finally:
                flush()

        self._register("log", lib.forker_server_set_log, _header.LOG_FN(call))

    def log(self, level: int, text: str) -> None:
        """Writes a line to the server's log, at ``forker.LOG_ERROR`` to ``LOG_DEBUG``, if option log_level lets it.

        A line is cut at 4000 bytes, control characters in it become "?". Any thread of any process of the tree.
        """
        encoded = text.replace("\0", "?").encode("utf-8", "backslashreplace")
        code = lib.forker_server_log(self._live(), level, encoded)
        if code != OK:
            raise Error(code)

    def set_access_log(self, log: Callable[[str], None] | None) -> None:
        """Gives the lines of the access log to a function instead of writing them; None goes back.

        Option access_log says what a line looks like: "common", "combined" or "json"; it is off by default. The
        function is called in the workers, between requests, up to a second after the response. If it raises, that goes
        to stderr.
        """
        if log is None:
            self._register("access_log", lib.forker_server_set_access_log, _header.ACCESS_LOG_FN())
            return

        def call(line: int, length: int, user: int | None) -> None:
            try:
                call_program(log, ctypes.string_at(line, length).decode("utf-8", "replace"))
            except BaseException as exc:
                self._contain("the access log function failed", exc)
            finally:
                flush()

        self._register("access_log", lib.forker_server_set_access_log, _header.ACCESS_LOG_FN(call))

    def _log_exception(self, where: str, exc: BaseException) -> None:
        """One log line for each line of the traceback."""
        try:
            for line in [where, *"".join(traceback.format_exception(type(exc), exc, exc.__traceback__)).splitlines()]:
                self.log(LOG_ERROR, line)
        except Exception:  # the server is closed, memory is out: nothing may leave through C
            write_exception(where, exc)


def _log_to_logger(logger: Logger) -> LogFunction:
    def emit(level: int, line: str) -> None:
        logger.log(_LOGGING_LEVELS[level], "%s", line)

    return emit
