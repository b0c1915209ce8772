"""The extension in C, forker._accel, where it has been built: ``make python``.

What it does is the same without it, only slower. The environment variable FORKER_ACCEL=0 leaves it out.
"""

from __future__ import annotations

import os
from typing import Any

from ._library import lib


def _find() -> Any:
    if os.environ.get("FORKER_ACCEL") == "0":
        return None
    try:
        from . import _accel
    except ImportError:
        return None
    _accel.use(lib._handle)
    return _accel


accel = _find()
