"""Forms that a request has in its body, and its query, as mappings."""

from __future__ import annotations

import ctypes
import os
from collections.abc import Callable, Iterator, Mapping, Sequence
from ctypes import byref, c_char_p, c_size_t, string_at
from typing import Any, Generic, TypeVar

from ._header import E_INVALID, E_LIMIT, CFile
from ._library import lib
from .error import Error

T = TypeVar("T")


class Values(Mapping[str, T], Generic[T]):
    """What has a name, of which there can be several: the fields of a form, its files, or the parameters of a query.

    ``values[name]`` is the first of that name, ``get_all(name)`` gives every one, ``pairs`` the pairs of name and value as
    they came. It is a copy: it stays valid after the handler.
    """

    __slots__ = ("pairs", "_values")

    def __init__(self, pairs: Sequence[tuple[str, T]]) -> None:
        self.pairs = tuple(pairs)
        self._values: dict[str, list[T]] = {}
        for name, value in self.pairs:
            self._values.setdefault(name, []).append(value)

    def __getitem__(self, name: str) -> T:
        return self._values[name][0]

    def __iter__(self) -> Iterator[str]:
        """The names, each once."""
        return iter(self._values)

    def __len__(self) -> int:
        return len(self._values)

    def get_all(self, name: str) -> list[T]:
        """All values of that name, in the order they came; empty if there is none."""
        return list(self._values.get(name, ()))

    def __repr__(self) -> str:
        return f"Values({list(self.pairs)!r})"


class FormError(Error, ValueError):
    """The body of a request is no form, a malformed one, or one that is larger than its limits.

    ``status`` is 400 or 413. If a handler does not catch it, the client gets that, with the sentence.
    """

    @property
    def status(self) -> int:
        return 413 if self.code == E_LIMIT else 400


class File:
    """A file of a form. What it contains belongs to the request, and ends with that.

    ``filename`` is as the client has sent it, "" if none was chosen; ``basename`` what stands behind the last "/" or "\\\\" of
    that, "" for "." and "..": still what the client likes. ``content_type`` is None if none was given, ``size`` are bytes.
    """

    __slots__ = ("filename", "basename", "content_type", "size", "_look", "_data")

    def __init__(self, found: CFile, look: Callable[[Callable[[int], Any]], Any]) -> None:
        """`look` calls a function as long as the request lives. Made by the request only."""
        self.filename: str = found.filename.decode("utf-8", "replace")
        self.basename: str = lib.forker_basename(found.filename).decode("utf-8", "replace")
        self.content_type: str | None = None
        if found.content_type is not None:
            self.content_type = found.content_type.decode("latin-1")
        self.size: int = found.len
        self._look = look
        self._data: int = found.data

    @property
    def data(self) -> bytes:
        """What is in it, copied. Raises RuntimeError if the request has ended."""
        return self._look(lambda _: string_at(self._data, self.size))

    def save(self, path: str | os.PathLike[str]) -> None:
        """Writes it to a new file. Raises FileExistsError if there is one, RuntimeError if the request has ended, OSError.

        A file that cannot be written whole is removed again.
        """

        def write(_: int) -> None:
            file = open(path, "xb")  # noqa: SIM115: a failure is not to remove what was there before
            try:
                with file:
                    if self.size > 0:
                        file.write((ctypes.c_char * self.size).from_address(self._data))
            except OSError:
                os.unlink(path)
                raise

        self._look(write)

    def __repr__(self) -> str:
        return f"<File {self.filename!r}, {self.size} bytes>"


def fields_of(address: int) -> Values[str]:
    """The fields of the form of the request at `address`. Raises FormError, Error."""
    _parse(address)
    return Values(_pairs(lambda *out: lib.forker_form_at(address, *out)))


def files_of(address: int, look: Callable[[Callable[[int], Any]], Any]) -> Values[File]:
    """Its files. Raises FormError, Error."""
    _parse(address)
    files, found = [], CFile(size=ctypes.sizeof(CFile))
    while lib.forker_form_file(address, None, len(files), byref(found)) == 0:
        files.append((found.name.decode("utf-8", "replace"), File(found, look)))
    return Values(files)


def parameters_of(address: int) -> Values[str]:
    """The parameters of its query."""
    return Values(_pairs(lambda *out: lib.forker_request_query_at(address, *out)))


def _parse(address: int) -> None:
    code = lib.forker_request_form(address)
    if code < 0:
        sentence = (lib.forker_request_error(address) or b"").decode("utf-8", "replace")
        raise (FormError if code in (E_INVALID, E_LIMIT) else Error)(code, sentence)


def _pairs(at: Callable[..., int]) -> list[tuple[str, str]]:
    """All pairs that a function of C gives by their number."""
    name, value, length = c_char_p(), c_char_p(), c_size_t()
    pairs: list[tuple[str, str]] = []
    while at(len(pairs), byref(name), byref(value), byref(length)) == 0:
        text = string_at(value, length.value).decode("utf-8", "replace")
        pairs.append(((name.value or b"").decode("utf-8", "replace"), text))
    return pairs
