"""The head of a response, which functions see before it is sent."""

from __future__ import annotations

import ctypes
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from . import _header
from ._library import c_text, lib
from .cookie import make_cookie
from .deferred import Report
from .error import check_request
from .signals import call_program
from .state import kept_of

if TYPE_CHECKING:
    from .request import Request


class Head:
    """The head of a response that is about to be sent, see :meth:`Request.on_head`. Valid until the function returns.

    ``status`` is that of the response, and cannot be changed any more; nor can its body.
    """

    __slots__ = ("status", "_address")

    def __init__(self, status: int, address: int) -> None:
        """``address`` is the forker_request. Made by the request only."""
        self.status = status
        self._address: int | None = address

    def set(self, name: str, value: str) -> None:
        """Sets a field, in the place of those of that name. Raises Error (E_INVALID: not a field, or the library's own)."""
        self._change(lib.forker_response_header_set, c_text(name, "latin-1"), c_text(value, "latin-1"))

    def add(self, name: str, value: str) -> None:
        """Adds a field. As :meth:`set`."""
        self._change(lib.forker_response_header_add, c_text(name, "latin-1"), c_text(value, "latin-1"))

    def set_cookie(self, name: str, value: str, **attributes: Any) -> None:
        """Adds a cookie for the client, with the attributes of :meth:`Response.set_cookie`.

        Raises TypeError, ValueError, or Error (E_INVALID: what browsers would not keep).
        """
        self._change(lib.forker_response_cookie, ctypes.byref(make_cookie(name, value, **attributes)))

    def _change(self, function: Callable[..., int], *arguments: Any) -> None:
        if self._address is None:
            raise RuntimeError("this head is sent: it can only be changed until the function of on_head returns")
        check_request(function(self._address, *arguments), self._address)


OnHead = Callable[[Head], None]


def add_head(request: Request, address: int, function: OnHead, report: Report) -> None:
    """Has C call a function for the head of the response. Raises Error."""
    heads = kept_of(address).heads
    label = request._label()

    def failed(exc: BaseException) -> None:
        report(f"{label}: on_head failed", exc)

    heads.append((failed, function))
    code = lib.forker_request_on_head(address, _ON_HEAD, len(heads))
    if code < 0:
        heads.pop()
        check_request(code, address)


@_header.HEAD_FN
def _ON_HEAD(address: int, status: int, number: int) -> None:
    """C is given this function, which lives as long as the module, and the number of the program's, from 1."""
    failed, function = kept_of(address).heads[number - 1]
    head = Head(status, address)
    try:
        call_program(function, head)
    except BaseException as exc:
        failed(exc)
    finally:
        head._address = None
