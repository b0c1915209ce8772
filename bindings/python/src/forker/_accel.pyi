from asyncio import AbstractEventLoop, Future
from collections.abc import Callable, Iterable
from typing import Any, Optional

def use(handle: int, /) -> None: ...
def handler(function: Callable[[int, Optional[int]], int], /) -> tuple[int, int]: ...
def environ(
    address: int,
    base: dict[str, Any],
    taken: int,
    keys: dict[bytes, Optional[str]],
    make_key: Callable[[bytes], Optional[str]],
    bytes_io: type,
    add_body: Callable[[dict[str, Any], int], None],
    add_peer: Callable[[dict[str, Any], int], None],
    /,
) -> dict[str, Any]: ...
def set_fields(address: int, headers: Iterable[Any], kind: type, /) -> list[Any]: ...
def respond(address: int, status: int, body: bytes, /) -> int: ...
def defer(address: int, closed: Callable[[int], None], /) -> int: ...

class Caller:
    def __init__(
        self,
        application: Callable[..., Any],
        adopt: Callable[..., Any],
        file: type,
        base: dict[str, Any],
        taken: int,
        keys: dict[bytes, Optional[str]],
        make_key: Callable[[bytes], Optional[str]],
        bytes_io: type,
        add_body: Callable[[dict[str, Any], int], None],
        add_peer: Callable[[dict[str, Any], int], None],
        /,
    ) -> None: ...
    def handle(self, address: int, /) -> int: ...

class Exchange:
    _mounted: Any
    _scope: dict[str, Any]
    _pieces: Optional[list[bytes]]
    _waiters: Optional[list[Future[None]]]
    _length: Optional[int]
    _address: int
    _handle: int
    _sent: int
    _held: int
    _state: int
    _status: int
    _is_head: bool
    _has_begun: bool
    _is_inside: bool
    _has_all: bool
    _is_reading: bool
    _is_read: bool
    _is_paused: bool
    _is_lost: bool
    _has_left: bool
    _trails: bool

    def _make_task(self) -> None: ...

class Entry:
    def __init__(
        self,
        mounted: Any,
        kind: type[Exchange],
        application: Callable[..., Any],
        shared: Optional[tuple[Any, ...]],
        state: Optional[dict[str, Any]],
        loop: AbstractEventLoop,
        run: Callable[..., Any],
        tasks: dict[Any, Any],
        task: type,
        late: list[Any],
        call_program: Callable[..., Any],
        /,
    ) -> None: ...
    @property
    def loop(self) -> AbstractEventLoop: ...
    def handle(self, address: int, /) -> Optional[int]: ...
    def begin(self, address: int, scope: dict[str, Any], /) -> int: ...
