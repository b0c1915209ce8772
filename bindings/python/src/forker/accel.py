"""The extension in C, forker._accel, where it has been built: ``make python``.

What it does is the same without it, only slower. The environment variable FORKER_ACCEL=0 leaves it out, and with
FORKER_ACCEL=1 it has to be there. A free-threaded Python never has it: it is of the limited API, which that has not.
"""

from __future__ import annotations

import os
import sys
from typing import Any

from ._library import lib


def _find() -> Any:
    wanted = os.environ.get("FORKER_ACCEL")
    if wanted == "0":
        return None
    try:
        if "t" in sys.abiflags:
            raise ImportError("forker._accel: there is none for a free-threaded Python")
        from . import _accel
    except ImportError:
        if wanted == "1":
            raise
        return None
    _accel.use(lib._handle)
    return _accel


accel = _find()
