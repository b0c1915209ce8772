"""A call, from the handler of C to its status: what the servicer is given, and what becomes of what it gives."""

from __future__ import annotations

import collections
import contextvars
import threading
from collections.abc import Callable, Iterator
from ctypes import byref, c_size_t
from typing import TYPE_CHECKING, Any

from .._header import E_ABORTED, E_STATE
from .._library import lib, text_at
from ..error import Error, check_request
from ..signals import call_program
from ..tls import TLS, tls_of
from .context import Aborted, Context
from .compression import AS_OPTION, PLAIN, wish_of
from .metadata import Metadata, add
from .status import Failed, Over, RpcError, StatusCode, c_details, number_of

if TYPE_CHECKING:
    from .services import Method

_OK = 0
_END = object()
_NO_REQUEST = '"{}" requires exactly one request message.'
# The functions of a handler, by whether there are many requests, and many responses.
BEHAVIORS = {
    (False, False): "unary_unary",
    (False, True): "unary_stream",
    (True, False): "stream_unary",
    (True, True): "stream_stream",
}


class Call:
    """What calls have in common, whatever thread their servicer runs on."""

    def __init__(self, method: Method, address: int) -> None:
        self.method = method
        self.context = Context(self)
        self._failure: Failed | None = None  # whatever the servicer makes of it
        self.was_compressed = False  # the message that the servicer has
        self._wish = AS_OPTION  # which messages are compressed,
        self._next_plain = False  # but for the next one
        self.changed = threading.Condition()
        # Guarded by `changed`.
        self._address: int | None = address  # None: the call has ended, and C's memory with it
        self._gone = False  # there is no client to give anything to
        self._begun = False  # a message is on its way
        self._callbacks: list[Callable[[], None]] | None = []  # None: they were called
        self._messages: collections.deque[tuple[bytes, bool]] = collections.deque()  # and whether they came compressed
        self._complete = False  # no more messages come

    def take_message(self) -> None:
        """Takes the message of a method that has one."""
        assert self._address is not None
        length = c_size_t()
        message = text_at(lib.forker_grpc_message(self._address, byref(length)), length) or b""
        self._messages.append((message, bool(lib.forker_grpc_compressed(self._address))))
        self._complete = True

    def serve(self) -> None:
        """Has the servicer serve the call, and ends it with what comes of that. Raises nothing."""
        try:
            contextvars.copy_context().run(self._serve)
        except Over:
            self._end(StatusCode.CANCELLED, None)
        except Failed as failed:
            self._end_failed(failed)
        except BaseException as exc:
            self._report("the call failed", exc)
            self._end_failed(Failed(StatusCode.INTERNAL, ""))

    def _serve(self) -> None:
        if not self.is_active():
            raise Over
        if self.method.compression is not None:
            self.set_compression(self.method.compression)
        handler = self._intercepted()
        request: Any
        if handler.request_streaming:
            request = _Requests(self, handler.request_deserializer)
        else:
            request = self.next_request(handler.request_deserializer)
            if request is _END:
                raise Failed(StatusCode.UNIMPLEMENTED, _NO_REQUEST.format(self.method.path))
        behavior = getattr(handler, BEHAVIORS[handler.request_streaming, handler.response_streaming])
        response = self._ask_program("Exception calling application", behavior, request, self.context)
        if handler.response_streaming:
            self._stream(response, handler.response_serializer)
        elif self._failure is not None:
            raise self._failure
        elif number_of(self.context._code) != _OK:
            self._pack(response, handler.response_serializer)
            self._end(self.context._code, self.context._details)
        else:
            packed = self._pack(response, handler.response_serializer)
            if self._next_plain:
                self._compress(PLAIN)
            self._reply(packed)

    def _intercepted(self) -> Any:
        """The handler of the method, or what interceptors put in its place."""
        try:
            handler = call_program(self.method.intercepted, self.context)
        except BaseException as exc:
            if self.context._aborted:
                raise self._failed("", exc) from None
            self._report("an interceptor failed", exc)
            raise Failed(StatusCode.UNKNOWN, "Exception in service handler!") from None
        if handler is None:
            raise Failed(StatusCode.UNIMPLEMENTED, "Method not found!")
        return handler

    def _ask_program(self, what: str, function: Callable[..., Any], *arguments: Any) -> Any:
        """Calls a function of the program. Raises Failed or Over instead of what it raises."""
        try:
            return call_program(function, *arguments)
        except BaseException as exc:
            raise self._failed(what, exc) from None

    def _failed(self, what: str, exc: BaseException) -> RpcError:
        """What a call has come to whose servicer has raised something."""
        context = self.context
        if self._failure is not None or isinstance(exc, Over):
            return self._failure or exc
        if isinstance(exc, Aborted) and context._aborted:
            return Failed(context._code, context._details or "")
        self._report(what, exc)
        code = StatusCode.UNKNOWN if context._code is None else context._code
        return Failed(code, f"{what}: {exc}" if context._details is None else context._details)

    def _stream(self, responses: Any, serializer: Any) -> None:
        """Sends what the servicer gives, each when the client has taken enough of those before."""
        what = "Exception iterating responses"
        iterator = self._ask_program(what, iter, responses)
        try:
            while True:
                response = self._ask_program(what, next, iterator, _END)
                if self._failure is not None:
                    raise self._failure
                if response is _END:
                    break
                self._send_next(self._pack(response, serializer))
        finally:
            self._close(iterator)
        self._end(self.context._code, self.context._details)

    def _send_next(self, packed: bytes) -> None:
        plain, self._next_plain = self._next_plain, False
        if plain:
            self._compress(PLAIN)
        self._send(packed)
        if plain:
            self._compress(self._wish)

    def _close(self, iterator: Any) -> None:
        """Has a generator that was not run to its end run its `finally`."""
        close = getattr(iterator, "close", None)
        if close is not None:
            try:
                call_program(close)
            except BaseException as exc:
                if not isinstance(exc, (Over, Aborted)):
                    self._report("the servicer failed when it was closed", exc)

    def _pack(self, response: Any, serializer: Any) -> bytes:
        """A message on its way out."""
        try:
            packed = response if serializer is None else call_program(serializer, response)
            if not isinstance(packed, bytes):
                raise TypeError(f"a message is bytes, not {type(packed).__name__}")
            return packed
        except BaseException as exc:
            self._report("Failed to serialize response!", exc)
            raise Failed(StatusCode.INTERNAL, "Failed to serialize response!") from None

    # ------------------------------------------------------------------------------------------------- requests

    def next_request(self, deserializer: Any) -> Any:
        """The next message of the client; _END: there is none. Waits for it. Raises Over, and Failed for what is none."""
        packed = self._next_message()
        if packed is None or deserializer is None:
            return _END if packed is None else packed
        try:
            return call_program(deserializer, packed)
        except BaseException as exc:
            self._report("Exception deserializing request!", exc)
            self._failure = Failed(StatusCode.INTERNAL, "Exception deserializing request!")
            raise self._failure from None

    def _next_message(self) -> bytes | None:
        with self.changed:
            while not (self._messages or self._complete or self._gone or self._address is None):
                self.changed.wait()
            if self._gone:
                raise Over
            if self._address is None or not self._messages:
                return None
            message, self.was_compressed = self._messages.popleft()
            return message

    # ------------------------------------------------------------------------------------ asked by the servicer

    def ask(self, fetch: Callable[[int], Any]) -> Any:
        """What a function finds out about the request, while there is one. Raises RpcError."""
        with self.changed:
            if self._address is None:
                raise RpcError("the call has ended")
            return fetch(self._address)

    def tls(self, address: int) -> TLS | None:
        def fetch(what: int) -> bytes | None:
            length = c_size_t()
            return text_at(lib.forker_request_tls(address, what, byref(length)), length)

        return tls_of(fetch)

    def is_active(self) -> bool:
        with self.changed:
            return self._address is not None and not self._gone and not lib.forker_request_cancelled(self._address)

    def remaining_ns(self) -> int:
        with self.changed:
            return 0 if self._address is None else int(lib.forker_grpc_remaining(self._address))

    def add_callback(self, callback: Callable[[], None]) -> bool:
        with self.changed:
            if self._callbacks is not None:
                self._callbacks.append(callback)
            return self._callbacks is not None

    def send_initial_metadata(self, metadata: Metadata) -> None:
        with self.changed:
            if self._address is None or self._gone:
                raise Over
            if self._begun:
                raise ValueError("Initial metadata no longer allowed!")
            self._begun = True
            try:
                add(self._address, metadata, lib.forker_grpc_metadata_add)
            except Error as error:
                if error.code == E_ABORTED:
                    raise Over from None
                raise

    def set_compression(self, compression: Any) -> None:
        wish = wish_of(compression)
        self._compress(wish)
        self._wish = wish

    def leave_next_plain(self) -> None:
        self._next_plain = True

    def _compress(self, wish: int) -> None:
        """Says whether the messages that follow are compressed. Raises Over, and ValueError if it is too late for that."""
        with self.changed:
            if self._address is None or self._gone:
                raise Over
            code = lib.forker_grpc_compress(self._address, wish)
            if code == E_ABORTED:
                raise Over
            if code == E_STATE:
                raise ValueError("the response has begun, and its messages cannot be compressed any more")
            check_request(code, self._address)

    def cancel(self) -> None:
        self._end(StatusCode.CANCELLED, "Cancelled")
        self.leave()

    # -------------------------------------------------------------------------------------------------- its end

    def leave(self) -> None:
        """There is nobody any more to give anything to."""
        with self.changed:
            self._gone = True
            self._messages.clear()
            self.changed.notify_all()

    def call_back(self) -> None:
        """Calls the functions that wait for the end of the call."""
        with self.changed:
            callbacks, self._callbacks = self._callbacks, None
        for callback in callbacks or ():
            try:
                call_program(callback)
            except BaseException as exc:
                self._report("a callback failed", exc)

    def log(self, text: str) -> None:
        self.method.log(text)

    def _report(self, what: str, exc: BaseException) -> None:
        self.method.report(what, exc)

    def _end_failed(self, failed: Failed) -> None:
        code = StatusCode.UNKNOWN if number_of(failed.status) == _OK else failed.status
        self._end(code, failed.text)

    def _end(self, code: Any, details: str | bytes | None) -> None:
        """Ends the call with a status, unless it has ended."""
        with self.changed:
            if self._address is None:
                return
            address, self._address = self._address, None
            number, text = number_of(code), c_details(details)
            if not self._gone and not self._add_trailers(address):
                number, text = number_of(StatusCode.INTERNAL), b"the trailing metadata cannot be sent"
            self._finish(address, number, text)

    def _reply(self, packed: bytes) -> None:
        """Replies with a message, and status OK."""
        with self.changed:
            if self._address is None:
                return
            address, self._address = self._address, None
            if self._add_trailers(address):
                self._finish_with(address, packed, c_details(self.context._details))
            else:
                self._finish(address, number_of(StatusCode.INTERNAL), b"the trailing metadata cannot be sent")

    def _add_trailers(self, address: int) -> bool:
        """False: the program has given some that cannot be sent."""
        try:
            add(address, self.context._trailing, lib.forker_grpc_trailer_add)
        except Exception as exc:
            if isinstance(exc, Error) and exc.code == E_ABORTED:
                return True
            self._report("the trailing metadata cannot be sent", exc)
            return False
        return True

    # With `changed`, once: the call ends.

    def _finish(self, address: int, number: int, text: bytes | None) -> None:
        """Sends a status."""
        raise NotImplementedError

    def _finish_with(self, address: int, packed: bytes, text: bytes | None) -> None:
        """Sends the only message, and status OK."""
        raise NotImplementedError

    def _send(self, packed: bytes) -> None:
        """Sends one of many messages. Raises Over."""
        raise NotImplementedError


class _Requests:
    """The messages of the client, for the servicer."""

    def __init__(self, call: Call, deserializer: Any) -> None:
        self._call = call
        self._deserializer = deserializer

    def __iter__(self) -> Iterator[Any]:
        return self

    def __next__(self) -> Any:
        request = self._call.next_request(self._deserializer)
        if request is _END:
            raise StopIteration
        return request

    next = __next__


class Inline(Call):
    """A call on the main thread of its worker, which is answered before the handler of C returns."""

    def __init__(self, method: Method, address: int) -> None:
        super().__init__(method, address)
        self._result = _OK

    def handle(self) -> int:
        """Returns what the handler of C returns."""
        self.take_message()
        self.serve()
        self.call_back()
        return self._result

    def _finish(self, address: int, number: int, text: bytes | None) -> None:
        self._result = lib.forker_grpc_fail(address, number or number_of(StatusCode.UNKNOWN), text)

    def _finish_with(self, address: int, packed: bytes, text: bytes | None) -> None:
        self._result = lib.forker_grpc_reply(address, packed, len(packed))

    def _send(self, packed: bytes) -> None:
        raise Failed(StatusCode.INTERNAL, "an interceptor has the method give many messages")
