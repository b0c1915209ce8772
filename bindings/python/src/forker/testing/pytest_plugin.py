"""The pytest fixture ``forker_server``, which pytest finds by the entry point of the package."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterator

import pytest

from . import Client, serve


@pytest.fixture
def forker_server() -> Iterator[Callable[..., Client]]:
    """A function that serves an application or a server up to the end of the test, as forker.testing.serve() does."""
    with contextlib.ExitStack() as stack:
        yield lambda served, **options: stack.enter_context(serve(served, **options))
