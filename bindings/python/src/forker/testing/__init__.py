"""Tests over real HTTP: an application, or a program's own server, on a port of its own in the test's process.

::

    from forker.testing import serve

    with serve(app) as client:                       # a WSGI or ASGI application, or a forker.Server that does not run
        response = client.get("/notes", headers={"Accept": "text/html"})
        assert response.status == 200, response.text

With pytest there is a fixture, ``forker_server``, that does the same up to the end of the test::

    def test_notes(forker_server):
        client = forker_server(app)
        assert client.post("/notes", json={"text": "milk"}).json()["id"] == 1

For Django's LiveServerTestCase see :mod:`forker.testing.django`.

The server runs on a thread of the test's process, as a server with option workers=0 does. So what an application changes
the test can see, and a debugger stops in both.
"""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from typing import Any, Union

from .. import asgi, wsgi
from ..cli.loading import interface_of
from ..server import Server
from .client import Client, Response

__all__ = ["Client", "Response", "serve"]


@contextlib.contextmanager
def serve(served: Union[wsgi.Application, asgi.Application, Server], *, threads: int = 4, **options: Any) -> Iterator[Client]:
    """Serves a WSGI or ASGI application, or a :class:`forker.Server`, while the block lasts. Gives a client for it.

    A WSGI application is called on `threads` threads, so that it can ask itself; 1 is one at a time. `options` are those of
    :class:`forker.Server`. Of a server, the option workers has to be 0. At the end of the block it is stopped, at once
    if that is by an exception.

    Raises Error as :meth:`forker.Server.start` does, and TypeError if there are options for a server that is made.
    """
    if isinstance(served, Server):
        if options:
            raise TypeError("a Server has its options already")
        server = served
    else:
        quick: dict[str, Any] = {"log_level": "warn", "drain_grace": 0}
        server = Server(workers=0, **{**quick, **options})
        if interface_of(served) == "asgi":
            asgi.mount(server, served)  # type: ignore[arg-type]
        else:
            wsgi.mount(server, served, threads=threads)  # type: ignore[arg-type]
    with server:
        server.listen("127.0.0.1:0")
        server.start()
        with Client(server.address(_count(server) - 1)) as client:
            yield client


def _count(server: Server) -> int:
    count = 0
    with contextlib.suppress(IndexError):
        while server.address(count):
            count += 1
    return count
