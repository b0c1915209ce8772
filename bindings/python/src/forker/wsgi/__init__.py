"""Serve WSGI applications (PEP 3333): Flask, Django and others, unchanged.

::

    import forker.wsgi
    from flask import Flask

    app = Flask(__name__)
    ...
    forker.wsgi.serve(app, ":8080")

``python3 -m forker module:app`` does the same from a shell, see :mod:`forker.cli`. :func:`mount` puts an application
into a server with other routes.

By default a worker calls the application on its main thread, for one request at a time. Clients do not hold it up: a
request's body is there before the call, and a response is sent after it. With ``threads`` it is called on that many
threads, which suits applications that wait for databases and other servers.

What the application returns is asked for its next piece only when the client has taken enough of those before: a slow
client costs memory of at most option stream_buffer. Between the pieces of one response, others are served. Only what an
application without threads gives to the old ``write()`` is collected until it returns.

What ``environ`` has beyond PEP 3333: REQUEST_URI and RAW_URI, the target as it came; REMOTE_ADDR and REMOTE_PORT; HTTPS,
"on" with TLS; wsgi.input_terminated, because wsgi.input ends where the body does, also if that came in chunks, and
CONTENT_LENGTH is always its length; wsgi.file_wrapper, which has the kernel send a file. Fields whose names contain "_"
are left out, because X_Forwarded_For would pass for X-Forwarded-For. PATH_INFO has no "." and ".." segments.
wsgi.errors is the server's log.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from .._library import c_text
from ..server import Server
from .application import Application, Mounted
from .environ import Path
from .file import FileWrapper

__all__ = ["Application", "FileWrapper", "mount", "serve"]

LOOPBACK = ("127.0.0.1", "::1")


def mount(
    server: Server,
    application: Application,
    path: str = "",
    *,
    threads: int = 1,
    forwarded_allow_ips: Iterable[str] = LOOPBACK,
) -> None:
    """Adds routes by which an application answers all requests, or those for `path` and what is below it.

    `path` is what the application gets as SCRIPT_NAME: "" or "/part/of/a/path", without a slash at its end. Routes that
    are more specific go first: other applications, the program's own.

    `threads` is how many threads of a worker call the application; 1 is its main thread. They are made when they are
    needed. Requests beyond them wait, up to option handler_queue; more are answered 503.

    `forwarded_allow_ips` are the addresses of proxies that are believed what they say in X-Forwarded-Proto, for
    wsgi.url_scheme; "*" is any. What comes by a unix socket always is.

    Raises ValueError for a number of threads or a path that is none, and Error as :meth:`forker.Server.route` does.
    """
    if threads < 1:
        raise ValueError(f"{threads} is no number of threads")
    if path and (not path.startswith("/") or path.endswith("/") or "/:" in path or "/*" in path):
        raise ValueError(f'{path!r} is no path for an application: expected "" or one such as "/app"')
    mounted = Mounted(server, application, Path(c_text(path).decode("latin-1"), frozenset(forwarded_allow_ips)), threads)
    for pattern in [path, f"{path}/*path"] if path else ["/*path"]:
        server._add_route("*", pattern, mounted.handle)


def serve(application: Application, *addresses: str, threads: int = 1, **options: Any) -> None:
    """Serves an application on `addresses`, by default ":8000", until the program is stopped.

    `options` are those of :class:`forker.Server`, `threads` is as for :func:`mount`. Raises what they and
    :meth:`forker.Server.run` raise.
    """
    with Server(**options) as server:
        mount(server, application, threads=threads)
        for address in addresses or (":8000",):
            server.listen(address)
        server.run()
