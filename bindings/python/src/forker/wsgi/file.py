"""Files that applications return: ``wsgi.file_wrapper``."""

from __future__ import annotations

import os
import stat
from collections.abc import Iterator
from typing import Any

BLOCK_SIZE = 64 * 1024


class FileWrapper:
    """What an application returns to have a file sent: ``environ["wsgi.file_wrapper"](file, block_size)``.

    From where it is read next, a regular file is sent by the kernel. Others are read in blocks.
    """

    def __init__(self, filelike: Any, block_size: int = BLOCK_SIZE) -> None:
        self.filelike = filelike
        self.block_size = block_size
        if hasattr(filelike, "close"):
            self.close = filelike.close

    def __iter__(self) -> Iterator[bytes]:
        while block := self.filelike.read(self.block_size):
            yield block

    def regular(self) -> tuple[int, int, int] | None:
        """Descriptor, offset and size of a regular file; None if it has to be read."""
        try:
            fd, offset = self.filelike.fileno(), self.filelike.tell()
            status = os.fstat(fd)
        except (AttributeError, OSError, ValueError):  # it is no file of the system's, or cannot tell where it is
            return None
        return (fd, offset, status.st_size) if stat.S_ISREG(status.st_mode) and offset <= status.st_size else None
