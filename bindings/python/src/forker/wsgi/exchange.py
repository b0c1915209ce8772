"""One request on its way through an application: the call, ``start_response``, and what becomes of what is returned."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from typing import TYPE_CHECKING, Any

from .._header import E_ABORTED
from .._library import lib
from ..accel import accel
from ..deferred import Deferred, Stream
from ..error import Error, check_handle, check_request
from ..request import Request
from ..signals import call_program
from .file import FileWrapper
from .head import add_packed, pack_fields, set_fields, status_of

if TYPE_CHECKING:
    from .application import Mounted

Write = Callable[[bytes], None]

HEAD = "HEAD"
_NO_CONTENT = 204
_NOT_MODIFIED = 304
_WITHOUT_BODY = (_NO_CONTENT, _NOT_MODIFIED)  # RFC 9110 sections 15.3.5 and 15.4.5
_NOTHING: Iterator[bytes] = iter(())


class Exchange:
    """What both kinds have in common: on the main thread (inline.py) and on threads (threaded.py).

    A response can still be replaced; or it has begun, and a Stream goes on with it; or it is complete. What the
    application has returned is closed once, whatever happens.
    """

    # What they begin with, on the class, because most of it stays so.
    _method = ""
    _target = ""
    _input: Any = None
    _status: int | None = None
    _packed: bytes | None = None  # the fields, until C has them
    _length: int | None = None
    _deferred: Deferred | None = None
    _stream: Stream | None = None
    _complete = False
    _result: Any = None  # of the application, until it is closed
    _pieces: Iterator[bytes] = _NOTHING

    def __init__(self, mounted: Mounted, address: int) -> None:
        self._mounted = mounted
        self._server = mounted.server
        self._address = address

    # --------------------------------------------------------------------------------------- called by the application

    def start_response(self, status: str, headers: Any, exc_info: Any = None) -> Write:
        """PEP 3333's. The fields are checked now, by the library but for those that it cannot refuse (pack_fields)."""
        try:
            self._expect_open()
            if self._status is not None:
                if not exc_info:
                    raise AssertionError("start_response was called before, and there is no exc_info")
                if self._has_begun():
                    raise exc_info[1].with_traceback(exc_info[2])
            number = status_of(status)
            self._status = None
            self._set_fields(headers)
            self._status = number
        finally:
            exc_info = None  # it refers to this frame
        return self.write

    def _set_fields(self, headers: Any) -> None:
        packed = pack_fields(headers) if accel is None else None
        if packed is not None:
            self._packed, self._length = packed
        else:
            self._packed = None
            check_request(lib.forker_response_reset(self._address), self._address)
            self._length = set_fields(self._address, headers)

    def write(self, data: bytes) -> None:
        """The callable that start_response returns."""
        raise NotImplementedError

    def _expect_open(self) -> None:
        """An application may keep what it was called with; the forker_request has ended with the response."""
        if self._complete:
            raise AssertionError("the response is complete")

    # ------------------------------------------------------------------------------------------------------------ steps

    def _call(self) -> None:
        """Calls the application, and sends what can be sent of the response."""
        environ = self._mounted.environs.of(self._address)
        self._method = environ["REQUEST_METHOD"]
        self._target = environ["RAW_URI"]
        self._input = environ["wsgi.input"]
        self._take_result(self._mounted.application(environ, self.start_response))

    def _take_result(self, result: Iterable[bytes]) -> None:
        """Sends what can be sent of what the application has returned."""
        self._result = result
        if self._stream is not None:
            self._pieces = iter(result)
            self._go_on(b"")
        elif type(result) is not FileWrapper or not self._send_file(result):
            self._send_pieces(result)

    def _send_pieces(self, result: Iterable[bytes]) -> None:
        """Takes pieces until it is known whether more of them have to be sent."""
        body = self._written()
        if isinstance(result, (list, tuple)):
            self._send(body + b"".join(result))
            return
        self._pieces = iter(result)
        for piece in self._pieces:
            body += checked(piece)
            if body:
                break
        self._send_first(body)

    def _send_first(self, body: bytes) -> None:
        """Sends what the pieces have begun with; those that follow it are not known."""
        if not body or self._length == len(body) or self._status in _WITHOUT_BODY:
            self._send(body)
        elif self._method == HEAD and self._length is not None:
            self._send(b"")
        else:
            self._begin()
            self._go_on(body)

    def _send(self, body: bytes) -> None:
        """Sends a response of which all is there."""
        status = self._expect_status()
        address, packed, length = self._address, self._packed, self._length
        if packed is not None:
            check_request(lib.forker_response_reset(address), address)
        if length is not None and (self._method == HEAD or status == _NOT_MODIFIED):
            check_request(lib.forker_response_length(address, length), address)
            body = b""
        elif length is not None and length != len(body) and status != _NO_CONTENT:
            raise ValueError(f"the application gave a Content-Length of {length}, and a body of {len(body)} bytes")
        if packed is not None:
            code = lib.forker_respond_packed(address, status, packed, len(packed), body, len(body))
        elif accel is not None:
            code = accel.respond(address, status, body)
        else:
            code = lib.forker_respond(address, status, None, body, len(body))
        if code < 0:
            check_request(code, address)
        self._end()

    def _send_file(self, wrapper: FileWrapper) -> bool:
        """Has the kernel send a file. False: it has to be read."""
        regular = wrapper.regular()
        status = self._expect_status()
        if regular is None or self._written():
            return False
        fd, offset, size = regular
        length = size - offset if self._length is None else self._length
        if length > size - offset:
            return False
        self._hand_over_fields()
        check_request(lib.forker_response_status(self._address, status), self._address)
        check_request(lib.forker_response_file(self._address, fd, offset, length), self._address)
        self._end()
        return True

    def _begin(self) -> None:
        """Sends the head of a response whose body comes in pieces."""
        status = self._expect_status()
        self._hand_over_fields()
        check_request(lib.forker_response_status(self._address, status), self._address)
        deferred = self._deferred = self._deferred or self._defer()
        length = -1 if self._length is None else self._length
        check_handle(lib.forker_stream_begin(deferred._handle, length), deferred._handle)
        self._stream = Stream(deferred)

    def _hand_over_fields(self) -> None:
        if self._packed is not None:
            add_packed(self._address, self._packed)
            self._packed = None

    def _go_on(self, piece: bytes) -> None:
        """Sends a piece, and those after it; the stream has begun."""
        raise NotImplementedError

    def _written(self) -> bytes:
        """What write() has collected."""
        return b""

    def _has_begun(self) -> bool:
        return self._complete or self._stream is not None

    def _expect_status(self) -> int:
        if self._status is None:
            raise AssertionError("the application has not called start_response")
        return self._status

    def _defer(self) -> Deferred:
        server = self._server
        return Request(self._address, (), server._log_exception, server._take).defer()

    @property
    def _label(self) -> str:
        return f"{self._method} {self._target}" if self._method else "a request"

    # ------------------------------------------------------------------------------------------------------------- ends

    def _end(self) -> None:
        """The response is complete."""
        if self._stream is not None:
            self._stream.close()
        elif self._deferred is not None:
            self._deferred._end(lib.forker_deferred_send)
        self._complete = True

    def _fail(self, exc: BaseException) -> None:
        """An exception of the application, or of its response, ends the exchange."""
        left = isinstance(exc, Error) and exc.code == E_ABORTED
        if not left:
            self._server._report_failure(f"{self._label}: the application failed", exc)
        if self._complete:
            return
        if self._stream is None and not left:
            lib.forker_response_reset(self._address)
            lib.forker_respond_error(self._address, 500, None)
            self._end()
        elif self._deferred is not None:
            self._deferred.abort()
        self._complete = True

    def _close(self) -> None:
        """Tells the application that what it has returned is not needed any more."""
        result, self._result, self._pieces = self._result, None, _NOTHING
        close = getattr(result, "close", None)
        try:
            if close is not None:
                call_program(close)
        except BaseException as exc:
            self.report_close(exc)
        finally:
            if self._input is not None:
                try:
                    self._input.close()
                except BufferError:  # the application keeps a view of it
                    pass

    def report_close(self, exc: BaseException) -> None:
        self._server._report_failure(f"{self._label}: close() failed", exc)


def checked(piece: Any) -> bytes:
    if not isinstance(piece, bytes):
        raise TypeError(f"an application returns bytes, not {type(piece).__name__}")
    return piece
