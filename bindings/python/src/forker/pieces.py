"""Large data in pieces that a stream takes."""

from __future__ import annotations

from collections.abc import Callable, Iterable


class Pieces:
    """Cuts data into pieces that fit into half of what may wait in a stream."""

    def __init__(self, stream_buffer: Callable[[], int]) -> None:
        """`stream_buffer` gives the value of the option, and is called when that is needed first."""
        self._stream_buffer = stream_buffer
        self._most = 0

    def of(self, data: bytes) -> Iterable[bytes]:
        if self._most == 0:
            self._most = self._stream_buffer() // 2
        most = self._most
        if len(data) <= most:
            return (data,)
        return (data[begin : begin + most] for begin in range(0, len(data), most))
