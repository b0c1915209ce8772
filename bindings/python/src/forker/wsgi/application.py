"""An application in a server: what is called for each request."""

from __future__ import annotations

import functools
from collections.abc import Callable, Iterable
from typing import Any

from .._library import lib
from ..accel import accel
from ..option import size_of
from ..pieces import Pieces
from ..server import Server
from ..signals import call_program
from ..threads import Threads
from .environ import Environs, Path
from .file import FileWrapper
from .inline import Inline
from .threaded import Threaded

Application = Callable[[dict[str, Any], Callable[..., Any]], Iterable[bytes]]


class Mounted:
    """An application, and what its requests have in common."""

    def __init__(self, server: Server, application: Application, path: Path, threads: int) -> None:
        self.server = server
        self.application = application
        self.environs = Environs(server, path, threads > 1)
        self._thread_count = threads
        self._threads: Threads | None = None
        self._caller: Any = None  # of forker._accel
        self.pieces = Pieces(lambda: size_of(server.option("stream_buffer")))

    def handle(self, address: int, user: int | None) -> int:
        """The C handler."""
        try:
            if self._thread_count == 1 and accel is not None:
                return int(call_program((self._caller or self._make_caller()).handle, address))
            if self._thread_count == 1:
                return Inline(self, address).handle()
            return Threaded(self, address).handle(self._threads or self._make_threads())
        except BaseException as exc:
            self.server._report_failure("a request could not be given to the application", exc)
            return int(lib.forker_respond_error(address, 500, None))

    def _make_caller(self) -> Any:
        adopt = functools.partial(Inline.adopt, self)
        self._caller = accel.Caller(self.application, adopt, FileWrapper, *self.environs.shared())
        return self._caller

    def _make_threads(self) -> Threads:
        self._threads = Threads("forker-wsgi", self._thread_count, int(self.server.option("handler_queue")))
        return self._threads
