"""What describes services to clients: the descriptors of generated code, packed for C without a library of protobuf."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

_FILE = b"\x0a"  # field 1 of google.protobuf.FileDescriptorSet, with a length


def pack(descriptions: Iterable[Any]) -> list[bytes]:
    """Packed sets of files, of modules that have a DESCRIPTOR, of such descriptors, and of sets that are packed already."""
    files: dict[str, Any] = {}
    packed = []
    for description in descriptions:
        if isinstance(description, (bytes, bytearray)):
            packed.append(bytes(description))
            continue
        descriptor = getattr(description, "DESCRIPTOR", description)
        if not hasattr(descriptor, "serialized_pb") or not hasattr(descriptor, "dependencies"):
            raise TypeError(
                f"{description!r} describes no file: expected a module such as helloworld_pb2, or a packed FileDescriptorSet"
            )
        _collect(descriptor, files)
    if files:
        texts = [file.serialized_pb for file in files.values()]
        packed.append(b"".join(_FILE + _varint(len(text)) + text for text in texts))
    return packed


def _collect(file: Any, files: dict[str, Any]) -> None:
    """A file, behind those that it imports."""
    if file.name not in files:
        for dependency in file.dependencies:
            _collect(dependency, files)
        files[file.name] = file


def _varint(number: int) -> bytes:
    out = bytearray()
    while number > 0x7F:
        out.append(number & 0x7F | 0x80)
        number >>= 7
    out.append(number)
    return bytes(out)
