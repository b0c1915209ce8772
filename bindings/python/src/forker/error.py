"""What goes wrong in the C library, as an exception. The codes are those of forker.h and never change."""

from __future__ import annotations

import ctypes

from ._library import lib

_SENTENCE_MAX = 512


class Error(Exception):
    """A call of the C library that failed.

    ``code`` is one of the ``forker.E_...`` numbers. ``str(error)`` is the sentence that says what exactly went
    wrong, such as "listen 127.0.0.1:80: bind: Permission denied".
    """

    def __init__(self, code: int, sentence: str = "") -> None:
        self.code = code
        super().__init__(sentence or lib.forker_strerror(code).decode())

    def __reduce__(self) -> tuple[type[Error], tuple[int, str]]:
        return type(self), (self.code, str(self))


def check_request(code: int, address: int) -> None:
    """Raises Error with C's sentence if a call about the request at `address` has failed."""
    if code < 0:
        raise Error(code, (lib.forker_request_error(address) or b"").decode("utf-8", "replace"))


def check_handle(code: int, handle: int) -> None:
    """The same for a call with a handle. Of one that is used up there is no sentence."""
    if code < 0:
        sentence = ctypes.create_string_buffer(_SENTENCE_MAX)
        lib.forker_deferred_error(handle, sentence, _SENTENCE_MAX)
        raise Error(code, sentence.value.decode("utf-8", "replace"))
