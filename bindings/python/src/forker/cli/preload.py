"""What is done between the import of an application and the forks of the workers that share it."""

from __future__ import annotations

import gc
import sys
import threading

from .._header import LOG_WARN
from ..server import Server


def prepare_forks(server: Server) -> None:
    """Makes what is loaded cheap to share, and closes or names what must not be shared."""
    _close_connections()
    others = [thread.name for thread in threading.enumerate() if thread is not threading.main_thread()]
    if others:
        server.log(
            LOG_WARN,
            f"importing the application has started threads that the workers do not have: {', '.join(others)}; "
            "start them when they are needed, or import it in each worker: --no-preload",
        )
    # Objects that are never looked at by the collector are never written to by it: their pages stay shared.
    gc.collect()
    gc.freeze()


def _close_connections() -> None:
    """Two workers must not talk in one connection. Django opens another one when it is needed."""
    database = sys.modules.get("django.db")
    if database is not None:
        database.connections.close_all()
