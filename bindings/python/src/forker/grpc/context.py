"""What a servicer knows of its call, and says of it: the methods of grpcio's ServicerContext."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from ctypes import byref, c_size_t
from typing import TYPE_CHECKING, Any, Optional

from .._library import lib, text_at
from .metadata import Entry, Metadata, metadata_of
from .peer import auth_context_of, identity_key_of, peer_of
from .status import ServicerContext, StatusCode

if TYPE_CHECKING:
    from .call import Call

_FOR_EVER = (1 << 63) - 1
_NS = 1e9


class Aborted(Exception):
    """Leaves a servicer that has aborted its call."""


class Context(ServicerContext):
    """One call, for its servicer. Any thread; what is asked of the client is to be asked before the call has ended."""

    def __init__(self, call: Call) -> None:
        self._call = call
        self._kept: dict[str, Any] = {}
        self._code: Any = None
        self._details: str | bytes | None = None
        self._trailing: Metadata = None
        self._aborted = False

    # -------------------------------------------------------------------------------------------------- the call

    def is_active(self) -> bool:
        """Whether the client still waits for what the servicer gives."""
        return self._call.is_active()

    def time_remaining(self) -> float | None:
        """The seconds that the client still waits, 0 when it does not; None: it has set no deadline."""
        left = self._call.remaining_ns()
        return None if left == _FOR_EVER else left / _NS

    def cancel(self) -> None:
        """Ends the call with status CANCELLED."""
        self._call.cancel()

    def add_callback(self, callback: Callable[[], None]) -> bool:
        """Has a function called when the call has ended, for whatever reason. False: it has.

        It is called on the main thread of the worker, where nothing may wait. What it raises is logged.
        """
        return self._call.add_callback(callback)

    # ------------------------------------------------------------------------------------------------ the client

    def message_compressed(self) -> bool:
        """Whether the message that the servicer was given last came compressed."""
        return self._call.was_compressed

    def invocation_metadata(self) -> tuple[Entry, ...]:
        """What the client has sent, as pairs of key and value; those of keys that end with "-bin" are bytes."""
        return self._keep("metadata", metadata_of)

    def peer(self) -> str:
        """The client's address: "ipv4:192.0.2.1:5000", "ipv6:%5B::1%5D:5000" or "unix:"."""
        return self._keep("peer", lambda address: peer_of(_text(lib.forker_request_peer, address)))

    def peer_identities(self) -> Sequence[bytes] | None:
        """The names in the client's certificate; None: it has shown none."""
        key = self.peer_identity_key()
        return None if key is None else self.auth_context()[key]

    def peer_identity_key(self) -> str | None:
        """Which entry of :meth:`auth_context` they are."""
        return identity_key_of(self._auth_context())

    def auth_context(self) -> Mapping[str, Sequence[bytes]]:
        """What is known of TLS and the client's certificate, which was verified; empty without TLS."""
        return dict(self._auth_context())

    def _auth_context(self) -> dict[str, list[bytes]]:
        return self._keep("auth", lambda address: auth_context_of(self._call.tls(address)))

    # ----------------------------------------------------------------------------------------------- the response

    def send_initial_metadata(self, initial_metadata: Metadata) -> None:
        """Sends metadata before the first message, at once; of an inline method with its message, or its status.

        Raises ValueError if it is too late, forker.Error for an entry that cannot be sent, RpcError if the call has ended.
        """
        self._call.send_initial_metadata(initial_metadata)

    def set_compression(self, compression: Any) -> None:
        """Says whether the messages of the call are compressed: grpc.Compression, or :class:`forker.grpc.Compression`.

        They are by gzip, if the client takes that, for Deflate too; see forker_grpc_compress() of forker.h. Raises ValueError
        for another value, or if the response has begun without an encoding; RpcError if the call has ended.
        """
        self._call.set_compression(compression)

    def disable_next_message_compression(self) -> None:
        """Has the next message sent as it is."""
        self._call.leave_next_plain()

    def set_trailing_metadata(self, trailing_metadata: Metadata) -> None:
        """Sends metadata with the status. A later one replaces it."""
        self._trailing = trailing_metadata

    def trailing_metadata(self) -> Metadata:
        """What set_trailing_metadata() was given last."""
        return self._trailing

    def set_code(self, code: Any) -> None:
        """Ends the call with that status when the servicer has returned, or raised."""
        self._code = code

    def code(self) -> Any:
        """What set_code() was given last."""
        return self._code

    def set_details(self, details: str | bytes) -> None:
        """The text of the status."""
        self._details = details

    def details(self) -> Optional[bytes]:
        """What set_details() was given last, as UTF-8."""
        return self._details.encode() if isinstance(self._details, str) else self._details

    def abort(self, code: Any, details: str | bytes) -> None:
        """Ends the call with a status, by an exception that the servicer lets out. OK becomes UNKNOWN."""
        if code == StatusCode.OK:
            self._call.log("abort() was called with status OK")
            code, details = StatusCode.UNKNOWN, ""
        self._code, self._details, self._aborted = code, details, True
        raise Aborted

    def abort_with_status(self, status: Any) -> None:
        """The same with what has a code, details and trailing_metadata, as rpc_status.to_status() of grpcio-status gives."""
        self._trailing = status.trailing_metadata
        self.abort(status.code, status.details)

    def _keep(self, key: str, fetch: Callable[[int], Any]) -> Any:
        if key not in self._kept:
            self._kept[key] = self._call.ask(fetch)
        return self._kept[key]


def _text(accessor: Any, address: int) -> str:
    length = c_size_t()
    return (text_at(accessor(address, byref(length)), length) or b"").decode("latin-1")
