"""The turns of a coroutine, which are noted: should the worker crash or hang in one, the log names the request."""

from __future__ import annotations

from collections.abc import Coroutine, Generator
from typing import Any

from .._library import lib
from ..accel import accel


class Turns(Coroutine[Any, Any, None]):
    """A coroutine that goes on with another one, on behalf of a request."""

    __slots__ = ("_coroutine", "_handle")

    def __init__(self, coroutine: Coroutine[Any, Any, None], handle: int) -> None:
        self._coroutine = coroutine
        self._handle = handle

    def send(self, value: Any) -> Any:
        lib.forker_deferred_enter(self._handle)
        try:
            return self._coroutine.send(value)
        finally:
            lib.forker_deferred_leave()

    def throw(self, *exc: Any) -> Any:
        lib.forker_deferred_enter(self._handle)
        try:
            return self._coroutine.throw(*exc)
        finally:
            lib.forker_deferred_leave()

    def close(self) -> None:
        self._coroutine.close()

    def __await__(self) -> Generator[Any, Any, None]:
        return self._coroutine.__await__()

    def __repr__(self) -> str:
        return repr(self._coroutine)


if accel is not None:
    Turns = accel.Turns  # type: ignore[misc]
