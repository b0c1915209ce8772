"""Routes: the decorators that a server and its groups have."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

from .request import Request

Handler = Callable[[Request], Any]


class RouteInfo(NamedTuple):
    """A route. ``name`` and ``host`` are "" if it has none."""

    methods: str
    pattern: str
    name: str
    host: str


class Routes:
    """What adds routes, by :meth:`route` of its own."""

    def route(
        self, methods: str | Sequence[str], pattern: str, **options: str | int | float | bool
    ) -> Callable[[Handler], Handler]:
        raise NotImplementedError

    def get(self, pattern: str, **options: Any) -> Callable[[Handler], Handler]:
        """:meth:`route` for GET, and HEAD with it."""
        return self.route("GET", pattern, **options)

    def post(self, pattern: str, **options: Any) -> Callable[[Handler], Handler]:
        """:meth:`route` for POST."""
        return self.route("POST", pattern, **options)

    def put(self, pattern: str, **options: Any) -> Callable[[Handler], Handler]:
        """:meth:`route` for PUT."""
        return self.route("PUT", pattern, **options)

    def patch(self, pattern: str, **options: Any) -> Callable[[Handler], Handler]:
        """:meth:`route` for PATCH."""
        return self.route("PATCH", pattern, **options)

    def delete(self, pattern: str, **options: Any) -> Callable[[Handler], Handler]:
        """:meth:`route` for DELETE."""
        return self.route("DELETE", pattern, **options)


def names_of(pattern: str) -> list[str]:
    """The names of a pattern's parameters."""
    return [segment[1:] for segment in pattern.split("/") if segment.startswith((":", "*"))]
