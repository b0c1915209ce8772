"""The coroutine of a request's task: each turn that it takes is noted, so that a crash or hang in one names the request."""

from __future__ import annotations

import inspect
from collections.abc import Coroutine, Generator
from typing import TYPE_CHECKING, Any

from .._header import OK
from .._library import lib

if TYPE_CHECKING:
    from .exchange import Exchange


class Turns(Coroutine[Any, Any, None]):
    """A coroutine that goes on with another one, on behalf of an exchange."""

    __slots__ = ("_coroutine", "_exchange")

    def __init__(self, coroutine: Coroutine[Any, Any, None], exchange: Exchange) -> None:
        self._coroutine = coroutine
        self._exchange = exchange

    def _enter(self) -> bool:
        """In a handler the request is noted already, and before it has a handle it cannot be."""
        exchange = self._exchange
        return exchange._handle != 0 and not exchange._is_inside and lib.forker_deferred_enter(exchange._handle) == OK

    def send(self, value: Any) -> Any:
        entered = self._enter()
        try:
            return self._coroutine.send(value)
        finally:
            if entered:
                lib.forker_deferred_leave()

    def throw(self, *exc: Any) -> Any:
        entered = self._enter()
        try:
            if inspect.getcoroutinestate(self._coroutine) == inspect.CORO_CREATED:  # it would not notice
                self._exchange._give_up()
            return self._coroutine.throw(*exc)
        finally:
            if entered:
                lib.forker_deferred_leave()

    def close(self) -> None:
        self._coroutine.close()

    def __await__(self) -> Generator[Any, Any, None]:
        return self._coroutine.__await__()

    def __repr__(self) -> str:
        return repr(self._coroutine)
