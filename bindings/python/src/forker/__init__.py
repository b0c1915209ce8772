"""Serve HTTP on every core from a Python program.

A program creates a server, registers handlers, calls run. libforker forks one worker process per core,
each with everything the program had set up before, and calls the handlers for the requests that the
workers receive::

    import forker

    server = forker.Server()

    @server.get("/")
    def greet(request):
        return "greeting!!!"

    server.listen(":8080")
    server.run()

Handlers run in the worker processes, on the main thread of each, one at a time. What a handler can
return is described at :class:`forker.Response`, what it receives at :class:`forker.Request`.

What the C API has and this package has not, and why:

- forker_response_lend: C would call Python back for each response, which costs more than the copy that it saves. Large
  content that does not change is best sent as a file.
- forker_response_status, forker_response_write, forker_response_header_set and others for a response in parts: a
  :class:`forker.Response` is built by the program, and given to C at once.
- forker_server_set_fork: the package sets os.fork().
- NULL, which removes a hook: a function that does nothing is one as well.

The package is ctypes over libforker.so.0 and needs the standard library only. The C library is looked for
when the package is imported, see :mod:`forker._library`; importing starts no thread and no process.
"""

from ._header import (
    CLOSE_CLIENT,
    CLOSE_DONE,
    CLOSE_ERROR,
    CLOSE_SHUTDOWN,
    CLOSE_TIMEOUT,
    E_ABORTED,
    E_ADDRESS,
    E_AGAIN,
    E_BOOT,
    E_CERTIFICATE,
    E_INTERNAL,
    E_INVALID,
    E_LIMIT,
    E_MEMORY,
    E_OPTION,
    E_PRIVILEGE,
    E_PROCESS,
    E_RESTARTS,
    E_ROUTE,
    E_SETUP,
    E_STATE,
    E_SYSTEM,
    E_THREADS,
    LOG_DEBUG,
    LOG_ERROR,
    LOG_INFO,
    LOG_WARN,
)
from .deferred import Deferred, Stream
from .error import Error
from .form import File, FormError, Values
from .group import Group, Outcome, same_secret
from .head import Head
from .option import Option, options
from .part import Part
from .request import Headers, Request
from .response import NEXT, HTTPError, Response, abort, redirect
from .route import RouteInfo
from .server import Server, version
from .stats import Stats, WorkerStats
from .timer import Timer
from .tls import TLS

__version__ = "0.1.0"

__all__ = [
    "CLOSE_CLIENT",
    "CLOSE_DONE",
    "CLOSE_ERROR",
    "CLOSE_SHUTDOWN",
    "CLOSE_TIMEOUT",
    "E_ABORTED",
    "E_ADDRESS",
    "E_AGAIN",
    "E_BOOT",
    "E_CERTIFICATE",
    "E_INTERNAL",
    "E_INVALID",
    "E_LIMIT",
    "E_MEMORY",
    "E_OPTION",
    "E_PRIVILEGE",
    "E_PROCESS",
    "E_RESTARTS",
    "E_ROUTE",
    "E_SETUP",
    "E_STATE",
    "E_SYSTEM",
    "E_THREADS",
    "LOG_DEBUG",
    "LOG_ERROR",
    "LOG_INFO",
    "LOG_WARN",
    "NEXT",
    "Deferred",
    "Error",
    "File",
    "FormError",
    "Group",
    "HTTPError",
    "Head",
    "Headers",
    "Option",
    "Outcome",
    "Part",
    "Request",
    "Response",
    "RouteInfo",
    "Server",
    "Stats",
    "Stream",
    "TLS",
    "Timer",
    "Values",
    "WorkerStats",
    "abort",
    "options",
    "redirect",
    "same_secret",
    "version",
]
