"""How a call ends: the names of grpcio where that is installed, else the same here."""

from __future__ import annotations

import enum
from typing import Any

try:
    from grpc import Compression, RpcError, ServicerContext, StatusCode
except ImportError:

    class RpcError(Exception):  # type: ignore[no-redef]
        """A call has ended, and what was to be done with it cannot be done any more."""

    class ServicerContext:  # type: ignore[no-redef]
        """What a servicer knows of a call."""

    @enum.unique
    class Compression(enum.IntEnum):  # type: ignore[no-redef]
        """Whether messages are compressed."""

        NoCompression = 0
        Deflate = 1
        Gzip = 2

    @enum.unique
    class StatusCode(enum.Enum):  # type: ignore[no-redef]
        """The status that a call ends with: number and name."""

        OK = (0, "ok")
        CANCELLED = (1, "cancelled")
        UNKNOWN = (2, "unknown")
        INVALID_ARGUMENT = (3, "invalid argument")
        DEADLINE_EXCEEDED = (4, "deadline exceeded")
        NOT_FOUND = (5, "not found")
        ALREADY_EXISTS = (6, "already exists")
        PERMISSION_DENIED = (7, "permission denied")
        RESOURCE_EXHAUSTED = (8, "resource exhausted")
        FAILED_PRECONDITION = (9, "failed precondition")
        ABORTED = (10, "aborted")
        OUT_OF_RANGE = (11, "out of range")
        UNIMPLEMENTED = (12, "unimplemented")
        INTERNAL = (13, "internal")
        UNAVAILABLE = (14, "unavailable")
        DATA_LOSS = (15, "data loss")
        UNAUTHENTICATED = (16, "unauthenticated")


class Over(RpcError):
    """The client has left, the deadline has passed, or the call was cancelled: there is nobody to tell."""

    def __init__(self) -> None:
        super().__init__("the client has left, the deadline has passed, or the call was cancelled")


class Failed(RpcError):
    """A call is to end with a status, and the log knows why."""

    def __init__(self, code: StatusCode, details: str) -> None:
        super().__init__(details)
        self.status = code
        self.text = details


_MOST = 16


def number_of(code: Any) -> int:
    """The number of a status. Nothing is OK, and what is no status UNKNOWN, as with grpcio."""
    value = code.value[0] if isinstance(code, StatusCode) else code
    if value is None:
        return 0
    known = isinstance(value, int) and 0 <= value <= _MOST
    return int(value) if known else int(StatusCode.UNKNOWN.value[0])


def c_details(details: str | bytes | None) -> bytes | None:
    """The text of a status on its way in. C's ends at a NUL."""
    text = details.encode("utf-8", "replace") if isinstance(details, str) else details
    return text.replace(b"\0", b"?") if text else None
