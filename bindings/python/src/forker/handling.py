"""What becomes of a request: the handler is called, and what it returns or raises is the response."""

from __future__ import annotations

import os
from collections.abc import Callable
from typing import Any

from ._header import DEFERRED, NEXT as _NEXT, OK
from ._library import lib
from .body import OnBody
from .deferred import Deferred
from .form import FormError
from .hook import Hooks
from .request import Request
from .response import NEXT, REFUSED, HTTPError, Response, respond, respond_error
from .route import Handler
from .signals import call_program

ErrorFunction = Callable[[Request, HTTPError], Any]


class Handling(Hooks):
    """The functions that C calls for requests."""

    def __init__(self) -> None:
        super().__init__()
        self._error_functions: dict[int | None, ErrorFunction] = {}  # by status; None: for all others

    def _handle(self, handler: Handler, request: Request, address: int) -> int:
        """Answers one request. Its result is the result of the C handler."""
        try:
            response = call_program(handler, request)
            if request._handle is not None:
                _expect_deferred(response, request)
                return DEFERRED
            if response is NEXT:
                return _NEXT
            if response is REFUSED:
                return OK
            if response is not None or not (request._takes_body or request._is_hijacked):
                respond(address, Response.of(response))
            return OK
        except BaseException as exc:
            return self._answer_failure(request, address, exc, "the handler failed")
        finally:
            if request._handle is None and not request._takes_body:
                request._end()

    def _take(self, request: Request, function: OnBody, address: int, piece: bytes | None, last: bool) -> int:
        """Gives the program a piece of a body. Its result is the result of the C function on_body."""
        was_deferred = request._handle is not None
        if was_deferred and request._address is None and piece is not None:  # it was answered meanwhile
            if not last:
                return OK
            piece = None
        if last:
            request._end_body()
        try:
            response = call_program(function, piece, last)
            if piece is None:
                return OK
            if was_deferred:
                if response is not None:
                    raise TypeError(f"on_body returns None if the request is deferred, not {response!r}")
            elif request._handle is not None:
                _expect_deferred(response, request)
            elif last or response is not None:
                respond(address, Response.of(response))
            return OK
        except BaseException as exc:
            if piece is not None:
                return self._answer_failure(request, address, exc, "on_body failed")
            self._report_failure(f"{request._label()}: on_body failed", exc)
            return OK
        finally:
            if last and request._handle is None:
                request._end()

    def _answer_failure(self, request: Request, address: int, exc: BaseException, what: str) -> int:
        """Answers a request for which the program has raised something."""
        if isinstance(exc, FormError) and request._handle is None:
            return lib.forker_respond_error(address, exc.status, str(exc).encode())
        if isinstance(exc, HTTPError) and request._handle is None and not request._is_hijacked:
            try:
                respond_error(address, exc)
                return OK
            except BaseException as other:  # its text or fields cannot be sent
                exc = other
        self._report_failure(f"{request._label()}: {what}", exc)
        return self._fail(request, address)

    def _word_error(self, request: Request, address: int, status: int, detail: str) -> int:
        """Has the program answer an error. Its result is that of C's function on_error."""
        function = self._error_functions.get(status) or self._error_functions.get(None)
        if function is None:
            return _NEXT

        def handler(request: Request) -> Any:
            response = function(request, HTTPError(status, detail))
            if response is None:
                return NEXT
            return response if isinstance(response, (Response, tuple)) or response is NEXT else (status, response)

        return self._handle(handler, request, address)

    def _report_failure(self, where: str, exc: BaseException) -> None:
        self._log_exception(where, exc)
        if isinstance(exc, KeyboardInterrupt) and os.getpid() == self._pid:
            self._contain("the handler was interrupted", exc)

    def _fail(self, request: Request, address: int) -> int:
        """Answers a request whose handler has failed."""
        if request._handle is not None:
            request._abandon()
            return DEFERRED
        if request._is_hijacked:
            return OK
        lib.forker_response_reset(address)  # no field of what was refused, such as Cache-Control, belongs to this
        return lib.forker_respond_error(address, 500, None)


def _expect_deferred(response: Any, request: Request) -> None:
    if not isinstance(response, Deferred) or response.request is not request:
        raise TypeError(f"a handler that defers its request returns the Deferred, not {response!r}")
