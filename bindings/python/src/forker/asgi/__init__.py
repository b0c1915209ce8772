"""Serve ASGI applications: FastAPI, Starlette, Django and others, unchanged.

::

    import forker.asgi
    from fastapi import FastAPI

    app = FastAPI()
    ...
    forker.asgi.serve(app, ":8080")

``python3 -m forker module:app`` does the same from a shell, see :mod:`forker.cli`. :func:`mount` puts an application
into a server with other routes.

Each worker has an event loop of its own, made after its fork: that of uvloop if it is installed, else asyncio's. The
application's lifespan begins there before the worker is READY, and one that fails is a failed boot. When the worker leaves,
its requests and the tasks that they have left behind have option drain_timeout; then they are cancelled, and the lifespan
ends.

A task is made for each request when its head is there. The body is read as the application asks for it: a client that
waits for "100 Continue" gets it then, and one that sends faster than the application reads has to wait. ``send()`` waits for a
client that reads slowly, so that at most option stream_buffer is held for it. A client that has left is told by
``receive()``; its task goes on, because it may have more to do. What it still sends is dropped, but for a piece of a body
of which more is to follow: that raises OSError.

Extensions: http.response.pathsend, by which the kernel sends the file; http.response.trailers; http.response.early_hint,
the interim response 103. There are no WebSockets yet: they are answered 501.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, Optional

from .._library import c_text
from ..server import Server
from .application import Application, Mounted
from .loop import LOOPS, loop_of
from .scope import Scopes

__all__ = ["Application", "mount", "serve"]

LOOPBACK = ("127.0.0.1", "::1")
LIFESPANS = ("auto", "on", "off")


def mount(
    server: Server,
    application: Application,
    path: str = "",
    *,
    loop: Optional[str] = None,
    lifespan: str = "auto",
    root_path: str = "",
    forwarded_allow_ips: Iterable[str] = LOOPBACK,
) -> None:
    """Adds routes by which an application answers all requests, or those for `path` and what is below it.

    `path` is "" or "/part/of/a/path", without a slash at its end, and the scope's root_path, which its path begins with.
    `root_path` is for all requests to a server behind a proxy which takes that beginning away: it is put back. Routes that
    are more specific go first: other applications, the program's own.

    `loop` is "asyncio", "uvloop", or "auto", the default: uvloop if it is installed. Applications of one server share the
    loop. `lifespan` is "on" if an application without is an error, "off" if it is not asked.

    `forwarded_allow_ips` are the addresses of proxies that are believed what they say in X-Forwarded-Proto, for the
    scope's scheme; "*" is any. What comes by a unix socket always is.

    The server is run or started then, not opened: its hook worker_loop is in use. Its option half_close is off, so that
    the end which a client sends counts as its leaving, as with other servers.

    Raises ValueError for arguments that are none of these, and Error as :meth:`forker.Server.route` does.
    """
    for prefix in (path, root_path):
        if prefix and (not prefix.startswith("/") or prefix.endswith("/") or "/:" in prefix or "/*" in prefix):
            raise ValueError(f'{prefix!r} is no path for an application: expected "" or one such as "/app"')
    if loop is not None and loop not in LOOPS:
        raise ValueError(f"{loop!r} is no loop: expected {', '.join(LOOPS)}")
    if lifespan not in LIFESPANS:
        raise ValueError(f"{lifespan!r} is none of {', '.join(LIFESPANS)}")
    c_text(root_path)
    scopes = Scopes(server, root_path + path, root_path, frozenset(forwarded_allow_ips))
    mounted = Mounted(server, application, scopes, loop_of(server, loop), lifespan)
    for pattern in [path, f"{path}/*path"] if path else ["/*path"]:
        server._set_route(server._add_route("*", pattern, mounted.handle), "body", "stream")


def serve(
    application: Application, *addresses: str, loop: Optional[str] = None, lifespan: str = "auto", **options: Any
) -> None:
    """Serves an application on `addresses`, by default ":8000", until the program is stopped.

    `options` are those of :class:`forker.Server`, the others as for :func:`mount`. Raises what they and
    :meth:`forker.Server.run` raise.
    """
    with Server(**options) as server:
        mount(server, application, loop=loop, lifespan=lifespan)
        for address in addresses or (":8000",):
            server.listen(address)
        server.run()
