"""Which messages are compressed: the values of grpcio's Compression, as forker_grpc_compress() of C has them."""

from __future__ import annotations

from typing import Any

from .status import Compression

AS_OPTION = -1
PLAIN = 0
_COMPRESSED = 1


def wish_of(compression: Any) -> int:
    """What C is told. gzip is its one encoding. Raises ValueError for what is no Compression."""
    try:
        return PLAIN if Compression(compression) is Compression.NoCompression else _COMPRESSED
    except ValueError:
        raise ValueError(f"{compression!r} is none of NoCompression, Deflate and Gzip") from None
