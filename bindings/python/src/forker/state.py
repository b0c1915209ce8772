"""What functions keep for each other about a request, in a slot of C's, which ends with it."""

from __future__ import annotations

from types import SimpleNamespace

from ._library import RELEASE_FN, lib
from .error import check_request

SLOT = 0  # each server of this package makes it before any other

_states: dict[int, SimpleNamespace] = {}  # by the address of the request


@RELEASE_FN
def forget(address: int) -> None:
    """Called by C when the request has ended."""
    _states.pop(address, None)


def state_of(address: int) -> SimpleNamespace:
    """The namespace of a request, made when it is first asked for."""
    if lib.forker_request_get(address, SLOT) is None:
        _states[address] = SimpleNamespace()
        check_request(lib.forker_request_set(address, SLOT, address), address)
    return _states[address]
