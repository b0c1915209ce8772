"""The C library: where it is found, with its functions as _header declares them.

It is looked for in this order: the file that the environment variable FORKER_LIBRARY names, libforker.so.0
beside this file, then the dynamic loader's own search (LD_LIBRARY_PATH, the linker cache, the system's
directories). Only the soname libforker.so.0 is asked for, because it stands for the ABI that
_header describes; ctypes.util.find_library() would also give a library of another ABI.

All calls go through ctypes.CDLL, which releases the GIL while C runs: forker_server_run() does not return for
as long as it serves, and each callback takes the GIL again.
"""

from __future__ import annotations

import ctypes
import os
from ctypes import c_size_t
from pathlib import Path

from ._header import PROTOTYPES, SONAME


_LENGTH_MOST = (1 << 63) - 1
_INT_MOST = (1 << 31) - 1


def find() -> str:
    """What to give to the dynamic loader: a path, or the soname for the loader to search."""
    named = os.environ.get("FORKER_LIBRARY")
    if named:
        return named
    beside = Path(__file__).with_name(SONAME)
    return str(beside) if beside.exists() else SONAME


def load(name: str) -> ctypes.CDLL:
    """Loads the library and declares its functions. Raises ImportError, with what to do about it."""
    try:
        library = ctypes.CDLL(name)
    except OSError as exc:
        raise ImportError(
            f"forker cannot load its C library: {exc}. Install libforker, or put the path of {SONAME} "
            "into the environment variable FORKER_LIBRARY"
        ) from exc
    for function, (result, arguments) in PROTOTYPES.items():
        try:
            prototype = getattr(library, function)
        except AttributeError as exc:
            raise ImportError(f"{name} is not the libforker that this package needs: it has no {function}()") from exc
        prototype.restype = result
        prototype.argtypes = arguments
    return library


def c_text(text: str, encoding: str = "utf-8") -> bytes:
    """Text on its way in.

    Raises ValueError for a NUL, where C would silently end the text, TypeError for anything else.
    """
    if not isinstance(text, str):
        raise TypeError(f"expected str, not {type(text).__name__}")
    encoded = text.encode(encoding)
    if b"\0" in encoded:
        raise ValueError(f"text with a NUL character: {text!r}")
    return encoded


def c_length(length: int) -> int:
    """The length of a body on its way in. Raises ValueError for one that C has no number for: ctypes would give it another."""
    if not 0 <= length <= _LENGTH_MOST:
        raise ValueError(f"a body has no length of {length}")
    return length


def c_number(number: int) -> int:
    """A number on its way in, or the nearest one that C has, which is out of every range too: ctypes would give it another."""
    return max(-_INT_MOST, min(number, _INT_MOST))


def c_path(path: str | bytes | os.PathLike[str] | os.PathLike[bytes]) -> bytes:
    """The name of a file on its way in. Raises TypeError, or ValueError for a NUL."""
    encoded = os.fsencode(path)
    if b"\0" in encoded:
        raise ValueError(f"a path with a NUL character: {path!r}")
    return encoded


def text_at(address: int | None, length: c_size_t) -> bytes | None:
    """A copy of text on its way out; None stays None."""
    return None if address is None else ctypes.string_at(address, length.value)


lib = load(find())
