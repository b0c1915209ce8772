"""Forms that a handler takes part by part."""

from __future__ import annotations

import itertools
from collections.abc import Callable
from ctypes import string_at
from typing import TYPE_CHECKING, Any, Optional, Union

from . import _header
from ._header import E_INVALID, E_LIMIT
from ._library import lib
from .body import Take
from .error import check_request
from .form import FormError

if TYPE_CHECKING:
    from .request import Request


class Part:
    """A part of a form that comes in, field or file, see :meth:`Request.on_part`. It is the same object for all its pieces.

    ``filename`` is as the client has sent it, None for a field; ``basename`` what stands behind the last "/" or "\\\\" of
    that. ``content_type`` is None if none was given. ``state`` is the program's own, and None at first.
    """

    __slots__ = ("name", "filename", "basename", "content_type", "state")

    def __init__(self, found: _header.CPart) -> None:
        """Made by the request only."""
        self.name: str = found.name.decode("utf-8", "replace")
        self.filename: str | None = None
        self.basename: str | None = None
        if found.filename is not None:
            self.filename = found.filename.decode("utf-8", "replace")
            self.basename = lib.forker_basename(found.filename).decode("utf-8", "replace")
        self.content_type: str | None = None if found.content_type is None else found.content_type.decode("latin-1")
        self.state: Any = None

    def __repr__(self) -> str:
        return f"<Part {self.name!r}>"


OnPart = Callable[[Optional[Part], Union[bytes, FormError, None], bool], Any]


class _Taker:
    """Who takes a form, and the part that is coming."""

    __slots__ = ("take", "request", "function", "part")

    def __init__(self, take: Take, request: Request, function: OnPart) -> None:
        self.take, self.request, self.function = take, request, function
        self.part: Part | None = None

    def give(self, address: int, found: int, piece: bytes, last: bool) -> int:
        """A piece of a part. Its result is that of the C function on_part, and so of the next."""
        part = self.part = self.part or Part(_header.CPart.from_address(found))
        if last:
            self.part = None
        return self.take(self.request, lambda piece, _: self.function(part, piece, last), address, piece, False)

    def end(self, address: int, last: int) -> int:
        """The last call."""
        if last == 1:
            return self.take(self.request, lambda piece, _: self.function(None, piece, True), address, b"", True)
        error: FormError | None = None
        if last in (E_INVALID, E_LIMIT):
            error = FormError(last, (lib.forker_request_error(address) or b"").decode("utf-8", "replace"))
        return self.take(self.request, lambda *_: self.function(None, error, True), address, None, True)


def take_parts(request: Request, address: int, function: OnPart, take: Take) -> None:
    """Has C give the parts of the form to a function. Raises FormError, Error."""
    key = next(_keys)
    _takers[key] = _Taker(take, request, function)
    code = lib.forker_request_on_part(address, _ON_PART, key)
    if code < 0:
        del _takers[key]
        if code == E_INVALID:
            raise FormError(code, (lib.forker_request_error(address) or b"").decode("utf-8", "replace"))
        check_request(code, address)


# By the number that C gives back. C is given the function below, which lives as long as the module.
_takers: dict[int, _Taker] = {}
_keys = itertools.count(1)


@_header.PART_FN
def _ON_PART(address: int, found: int | None, data: int | None, length: int, last: int, key: int) -> int:
    if found is None:
        return _takers.pop(key).end(address, last)
    return _takers[key].give(address, found, string_at(data, length) if length > 0 else b"", last == 1)
