"""A call on a thread of its own, which waits for the client where it has to."""

from __future__ import annotations

import threading
from collections.abc import Callable
from ctypes import byref, c_uint64, string_at
from typing import TYPE_CHECKING

from .. import _header
from .._header import CLOSE_DONE, DEFERRED, E_ABORTED, E_AGAIN, E_LIMIT, E_MEMORY, OK
from .._library import lib
from ..error import Error, check_handle, check_request
from .call import Call
from .status import Failed, Over, StatusCode, c_details, number_of

if TYPE_CHECKING:
    from ..threads import Threads
    from .metadata import Metadata
    from .services import Method

# How much of what the client has sent waits for the servicer, before the client has to wait; each message counts for more
# than its bytes.
_WAITING_MOST = 128 << 10
_MESSAGE_COST = 1 << 10


class Threaded(Call):
    def __init__(self, method: Method, address: int) -> None:
        super().__init__(method, address)
        handle = c_uint64()
        check_request(lib.forker_request_defer(address, byref(handle)), address)
        self._handle = handle.value
        self._room = threading.Event()  # there is some, or nobody to wait for
        self._waiting = 0  # what waits for the servicer, guarded by `changed`
        self._paused = False  # likewise
        self._early = False  # the response has begun without a message

    def handle(self, threads: Threads) -> int:
        """Has a thread serve the call. Returns what the handler of C returns."""
        try:
            self._begin()
            if not threads.submit(self.serve):
                self._end(StatusCode.UNAVAILABLE, "too many calls wait")
        except BaseException as exc:
            self._report("a call could not be given to its servicer", exc)
            self._end(StatusCode.INTERNAL, None)
        return DEFERRED

    def _begin(self) -> None:
        address, handle = self._address, self._handle
        _calls[handle] = self
        check_handle(lib.forker_deferred_on_close(handle, _CLOSED, None), handle)
        check_handle(lib.forker_stream_on_drain(handle, _DRAINED, None), handle)
        if not self.method.takes_many:
            self.take_message()
            return
        _taking[handle] = self
        code = lib.forker_grpc_on_message(address, _ON_MESSAGE, handle)
        if code != OK:
            del _taking[handle]
            assert address is not None
            check_request(code, address)

    def take(self, address: int, message: bytes | None, last: bool) -> None:
        """Takes a message of the client, or that there are no more."""
        with self.changed:
            if self._address is None or self._gone:
                return
            if message is not None:
                self._messages.append((message, bool(lib.forker_grpc_compressed(address))))
                self._waiting += len(message) + _MESSAGE_COST
            self._complete = last
            if self._waiting > _WAITING_MOST and not last:
                self._paused = lib.forker_request_pause(address) == OK
            self.changed.notify_all()

    def _next_message(self) -> bytes | None:
        message = super()._next_message()
        with self.changed:
            if message is not None:
                self._waiting -= len(message) + _MESSAGE_COST
            resumes = self._paused and self._waiting <= _WAITING_MOST // 2
            self._paused = self._paused and not resumes
        if resumes:
            lib.forker_deferred_resume(self._handle)
        return message

    def closed(self, reason: int) -> None:
        """C has no client any more."""
        if reason != CLOSE_DONE:
            self.leave()
        self._room.set()
        self.call_back()

    def drained(self) -> None:
        self._room.set()

    def cancel(self) -> None:
        super().cancel()
        self._room.set()

    def send_initial_metadata(self, metadata: Metadata) -> None:
        super().send_initial_metadata(metadata)
        code = lib.forker_grpc_begin(self._handle)
        if code == E_ABORTED:
            raise Over
        check_handle(code, self._handle)
        self._early = True

    def _send(self, packed: bytes) -> None:
        with self.changed:
            self._begun = True
        while True:
            code = lib.forker_grpc_send(self._handle, packed, len(packed))
            if code == OK:
                return
            if code == E_ABORTED:
                raise Over
            if code != E_AGAIN:
                raise self._refused(code, check_handle, self._handle)
            self._room.wait()
            self._room.clear()

    def _finish(self, address: int, number: int, text: bytes | None) -> None:
        if lib.forker_grpc_finish(self._handle, number, text) not in (OK, E_ABORTED):
            lib.forker_deferred_drop(self._handle)

    def _finish_with(self, address: int, packed: bytes, text: bytes | None) -> None:
        if self.method.gives_many or text is not None or self._early:
            code = lib.forker_grpc_send(self._handle, packed, len(packed))
            check, what = check_handle, self._handle
        else:
            code = lib.forker_grpc_reply(address, packed, len(packed))
            check, what = check_request, address
        if code == E_ABORTED:
            self._finish(address, number_of(StatusCode.DEADLINE_EXCEEDED), None)
        elif code != OK:
            failed = self._refused(code, check, what)
            self._finish(address, number_of(failed.status), c_details(failed.text))
        elif check is check_request:
            lib.forker_deferred_send(self._handle)
        else:
            self._finish(address, OK, text)

    def _refused(self, code: int, check: Callable[[int, int], None], what: int) -> Failed:
        """What a call ends with whose message C does not take."""
        try:
            check(code, what)
        except Error as error:
            self._report("a message cannot be sent", error)
            status = StatusCode.RESOURCE_EXHAUSTED if code in (E_LIMIT, E_MEMORY) else StatusCode.INTERNAL
            return Failed(status, str(error))
        raise AssertionError(code)


# By handle. C is given the functions below, which live as long as the module.
_calls: dict[int, Threaded] = {}
_taking: dict[int, Threaded] = {}


@_header.CLOSE_FN
def _CLOSED(handle: int, reason: int, user: int | None) -> None:
    _calls.pop(handle).closed(reason)


@_header.DRAIN_FN
def _DRAINED(handle: int, user: int | None) -> None:
    call = _calls.get(handle)
    if call is not None:
        call.drained()


@_header.BODY_FN
def _ON_MESSAGE(address: int, data: int | None, length: int, last: int, handle: int) -> int:
    call = _taking[handle] if last == 0 else _taking.pop(handle)
    if last < 0:
        return OK  # on_close tells why
    call.take(address, string_at(data, length) if last == 0 else None, last > 0)
    return OK
