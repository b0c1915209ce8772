"""What functions keep for each other about a request, in a slot of C's, which ends with it."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

from ._header import RELEASE_FN
from ._library import lib
from .error import check_request

SLOT = 0  # each server of this package makes it before any other


class Kept:
    """What is kept of one request."""

    __slots__ = ("state", "heads")

    def __init__(self) -> None:
        self.state = SimpleNamespace()
        self.heads: list[Any] = []  # who sees the head of its response


_kept: dict[int, Kept] = {}  # by the address of the request


@RELEASE_FN
def forget(address: int) -> None:
    """Called by C when the request has ended."""
    _kept.pop(address, None)


def kept_of(address: int) -> Kept:
    """What is kept of a request, made when it is first asked for."""
    if lib.forker_request_get(address, SLOT) is None:
        _kept[address] = Kept()
        check_request(lib.forker_request_set(address, SLOT, address), address)
    return _kept[address]


def state_of(address: int) -> SimpleNamespace:
    """The namespace of a request."""
    return kept_of(address).state
