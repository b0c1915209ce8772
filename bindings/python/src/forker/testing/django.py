"""Django's live tests over forker instead of Django's own server.

::

    from django.contrib.staticfiles.testing import StaticLiveServerTestCase
    from forker.testing.django import LiveServerThread

    class ShopTest(StaticLiveServerTestCase):
        server_thread_class = LiveServerThread
"""

from __future__ import annotations

import threading
from typing import Any

from django.db import connections
from django.test import testcases

from ..server import Server
from ..wsgi import mount


class LiveServerThread(testcases.LiveServerThread):  # type: ignore[misc]
    """The thread that Django starts for a live test, which serves by forker."""

    def _create_server(self, connections_override: Any = None) -> Any:
        return _LiveServer((self.host, self.port), self.connections_override)


class _LiveServer:
    """What Django asks of a server: to be given an application, to serve, and to stop."""

    def __init__(self, address: tuple[str, int], shared: Any) -> None:
        self._server = Server(workers=0, log_level="warn", drain_grace=0, handle_signals=False)
        self._shared = shared
        self._application: Any = None
        self._ended = threading.Event()
        mount(self._server, self._call, threads=8)
        self._server.listen(f"{address[0]}:{address[1]}")
        host, _, port = self._server.address(0).rpartition(":")
        self.server_address = (host, int(port))

    def set_app(self, application: Any) -> None:
        self._application = application

    def serve_forever(self) -> None:
        try:
            self._server.start()
            self._server.wait()
        finally:
            self._ended.set()

    def shutdown(self) -> None:
        self._server.stop()
        self._ended.wait()

    def server_close(self) -> None:
        self._server.close()

    def _call(self, environ: Any, start_response: Any) -> Any:
        """Calls the application with the connections of the test, where they are shared with it (SQLite in memory)."""
        for alias, connection in (self._shared or {}).items():
            connections[alias] = connection
        return self._application(environ, start_response)
