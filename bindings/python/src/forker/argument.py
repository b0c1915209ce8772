"""Values that a client has sent, as numbers, points of time and choices."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from ctypes import byref, c_double, c_int, c_int64
from datetime import datetime, timedelta, timezone
from typing import Any

from ._header import E_INVALID, FROM_COOKIE, FROM_FORM, FROM_HEADER, FROM_PARAM, FROM_QUERY
from ._library import c_text, lib
from .error import check_request
from .response import HTTPError

_SOURCES = {"query": FROM_QUERY, "param": FROM_PARAM, "header": FROM_HEADER, "cookie": FROM_COOKIE, "form": FROM_FORM}
_INT64_MAX = 2**63 - 1
_EPOCH = datetime(1970, 1, 1, tzinfo=timezone.utc)
_MILLISECOND = timedelta(milliseconds=1)


class Arguments:
    """What :class:`forker.Request` has of it.

    `source` is where the value is looked for: "query", "param", "header", "cookie" or "form", of each the first of that
    name. `default` stands for one that was not sent. What is no such value raises HTTPError, with status 400 and a sentence
    that names it: a handler that does not catch it answers with that.
    """

    __slots__ = ()

    def _ask(self, fetch: Callable[[int], Any]) -> Any:
        raise NotImplementedError

    def arg_int(self, name: str, least: int, most: int, default: int, source: str = "query") -> int:
        """A whole number from `least` to `most`, in decimal digits with or without "-". Raises ValueError, HTTPError."""
        if not all(-_INT64_MAX - 1 <= number <= _INT64_MAX for number in (least, most, default)):
            raise ValueError("bounds and default of arg_int are numbers of 64 bits")
        return self._arg(lib.forker_arg_int, source, name, c_int64(), least, most, default)

    def arg_float(self, name: str, least: float, most: float, default: float, source: str = "query") -> float:
        """A decimal number from `least` to `most`. Raises ValueError, HTTPError."""
        return self._arg(lib.forker_arg_double, source, name, c_double(), least, most, default)

    def arg_bool(self, name: str, default: bool, source: str = "query") -> bool:
        """true, 1, on, yes or false, 0, off, no. Raises ValueError, HTTPError."""
        return bool(self._arg(lib.forker_arg_bool, source, name, c_int(), int(default)))

    def arg_choice(self, name: str, words: Sequence[str], default: str, source: str = "query") -> str:
        """One of several words, in the case of its letters. Raises ValueError (`default` is none of them), HTTPError."""
        if any("|" in word for word in words) or isinstance(words, str):
            raise ValueError(f"the words of a choice are a list of texts without |, not {words!r}")
        found = self._arg(lib.forker_arg_choice, source, name, c_int(), c_text("|".join(words)), words.index(default))
        return words[found]

    def arg_time(self, name: str, first: datetime, last: datetime, default: datetime, source: str = "query") -> datetime:
        """A point of time from `first` to `last`, "2026-11-30T08:15:00Z" or "2026-11-30" (RFC 3339), to the millisecond, in UTC.

        Raises ValueError (bounds or default have no time zone), HTTPError.
        """
        if any(moment.tzinfo is None for moment in (first, last, default)):
            raise ValueError("bounds and default of arg_time have a time zone, such as datetime.timezone.utc")
        bounds = [(moment - _EPOCH) // _MILLISECOND for moment in (first, last, default)]
        return _EPOCH + self._arg(lib.forker_arg_time, source, name, c_int64(), *bounds) * _MILLISECOND

    def _arg(self, function: Any, source: str, name: str, value: Any, *bounds: Any) -> Any:
        if source not in _SOURCES:
            raise ValueError(f"a source is one of {', '.join(_SOURCES)}, not {source!r}")

        def fetch(address: int) -> Any:
            code = function(address, _SOURCES[source], c_text(name), *bounds, byref(value))
            if code == E_INVALID:
                raise HTTPError(400, (lib.forker_request_error(address) or b"").decode("utf-8", "replace"))
            check_request(code, address)
            return value.value

        return self._ask(fetch)
