"""The options of the library, as it describes them itself."""

from __future__ import annotations

import functools
import math
from typing import NamedTuple

from ._library import lib

_FACTORS = {"k": 1 << 10, "m": 1 << 20, "g": 1 << 30}
_SECONDS = {"": 0.0, "ns": 1e-9, "us": 1e-6, "ms": 1e-3, "s": 1.0, "m": 60.0, "h": 3600.0}


class Option(NamedTuple):
    """One option, each part as forker.h describes it; ``reloadable`` says whether a reload can change it."""

    name: str
    type: str
    default: str
    bounds: str
    description: str
    reloadable: bool


@functools.lru_cache(maxsize=None)
def options() -> tuple[Option, ...]:
    """All options that :class:`forker.Server` and :meth:`forker.Server.set_option` know. Any thread."""
    found = []
    while option := lib.forker_option_at(len(found)):
        texts = (
            lib.forker_option_name(option),
            lib.forker_option_type(option),
            lib.forker_option_default(option),
            lib.forker_option_bounds(option),
            lib.forker_option_description(option),
        )
        found.append(Option(*(text.decode() for text in texts), bool(lib.forker_option_reloadable(option))))
    return tuple(found)


def option_text(name: str, value: str | int | float | bool) -> str:
    """The form in which C takes a value: switches also as bool, durations as a number of seconds, modes as an int.

    Raises TypeError for anything but text, numbers and bool. Whether the value suits the option is for C to say.
    """
    if isinstance(value, str):
        return value
    if isinstance(value, bool):
        return "on" if value else "off"
    if not isinstance(value, (int, float)):
        raise TypeError(f"option {name}: expected str, int, float or bool, not {type(value).__name__}")
    kind = next((option.type for option in options() if option.name == name), None)
    if kind == "duration" and math.isfinite(value):
        return f"{round(value * 1000)}ms"
    if kind == "mode" and isinstance(value, int):
        return f"{value:04o}"
    return str(value)


def static_name(name: str) -> str:
    """The option that `name` means where files are served: "index" is static_index."""
    whole = "static_" + name
    return whole if any(option.name == whole for option in options()) else name


def size_of(text: str) -> int:
    """The bytes of a size in C's form, such as "64k"."""
    factor = _FACTORS.get(text[-1])
    return int(text) if factor is None else int(text[:-1]) * factor


def seconds_of(text: str) -> float:
    """The seconds of a duration in C's form, such as "500ms"; of "off" and "0" none."""
    digits = text.rstrip("numsh")
    return float(digits) * _SECONDS[text[len(digits) :]] if digits.isdecimal() else 0.0
