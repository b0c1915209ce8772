"""The services of a server: what generated code takes for a grpc.Server."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import TYPE_CHECKING, Any, NamedTuple

from .._header import (
    E_INTERNAL,
    E_INVALID,
    GRPC_BIDI,
    GRPC_CLIENT_STREAM,
    GRPC_SERVER_STREAM,
    GRPC_UNARY,
    HEALTH_NOT_SERVING,
    HEALTH_SERVING,
    HEALTH_UNKNOWN,
    LOG_ERROR,
)
from .._library import c_text, lib
from ..error import Error
from ..threads import Threads
from .call import BEHAVIORS, Inline
from .compression import wish_of
from .context import Context
from .descriptors import pack
from .metadata import Entry
from .threaded import Threaded

if TYPE_CHECKING:
    from ..server import Server

# Kinds of methods, as C has them: by whether there are many requests, and many responses.
_KINDS = {
    (False, False): GRPC_UNARY,
    (False, True): GRPC_SERVER_STREAM,
    (True, False): GRPC_CLIENT_STREAM,
    (True, True): GRPC_BIDI,
}

Behavior = Callable[[Any, Context], Any]
Decorator = Callable[[Behavior], Behavior]


class _Handler(NamedTuple):
    """What grpcio's RpcMethodHandler is."""

    request_streaming: bool
    response_streaming: bool
    request_deserializer: Callable[[bytes], Any] | None
    response_serializer: Callable[[Any], bytes] | None
    unary_unary: Behavior | None = None
    unary_stream: Behavior | None = None
    stream_unary: Behavior | None = None
    stream_stream: Behavior | None = None


class _Details(NamedTuple):
    """What grpcio's HandlerCallDetails is."""

    method: str
    invocation_metadata: tuple[Entry, ...]


class Services:
    """The gRPC services of a server, made by :meth:`forker.Server.grpc`. Given to generated code as its server."""

    def __init__(
        self,
        server: Server,
        threads: int,
        inline: bool,
        interceptors: Sequence[Any],
        compression: Any,
        options: Mapping[str, Any],
    ) -> None:
        if threads < 1:
            raise ValueError(f"{threads} is no number of threads")
        if compression is not None:
            wish_of(compression)
        self.compression = compression
        self._server = server
        self._inline = inline
        self._thread_count = threads
        self._threads: Threads | None = None  # of this worker
        self._interceptors = tuple(interceptors)
        self._options = options
        self._methods: dict[str, Any] = {}

    # -------------------------------------------------------------------------------------------------- methods

    def add_generic_rpc_handlers(self, generic_rpc_handlers: Iterable[Any]) -> None:
        """What generated code calls, with what ``grpc.method_handlers_generic_handler()`` has made.

        Raises TypeError for another kind of handler, and for servicers of grpc.aio; Error as :meth:`unary_unary` does.
        """
        for generic in generic_rpc_handlers:
            methods = getattr(generic, "_method_handlers", None)
            if not isinstance(methods, Mapping):
                raise TypeError(
                    f"{generic!r} does not tell which methods it has: "
                    "expected what grpc.method_handlers_generic_handler() returns"
                )
            for path, handler in methods.items():
                self._add(path, handler)

    def add_registered_method_handlers(self, service_name: str, method_handlers: Mapping[str, Any]) -> None:
        """What newer generated code calls besides, with handlers by the name of their method. As above."""
        for name, handler in method_handlers.items():
            self._add(f"/{service_name}/{name}", handler)

    def unary_unary(
        self,
        method: str,
        request_deserializer: Callable[[bytes], Any] | None = None,
        response_serializer: Callable[[Any], bytes] | None = None,
    ) -> Decorator:
        """Decorates a function that serves a method, "/helloworld.Greeter/SayHello", without generated code.

        It is called with a message and a :class:`Context`, and returns a message. Messages are bytes, unless functions are
        given that unpack and pack them, such as HelloRequest.FromString and HelloReply.SerializeToString.

        Raises Error (E_ROUTE: malformed or taken; E_STATE: running; E_LIMIT), TypeError for a coroutine function.
        """
        return self._decorate("unary_unary", method, request_deserializer, response_serializer)

    def unary_stream(
        self,
        method: str,
        request_deserializer: Callable[[bytes], Any] | None = None,
        response_serializer: Callable[[Any], bytes] | None = None,
    ) -> Decorator:
        """The same for a function that returns an iterator of messages, as a generator does."""
        return self._decorate("unary_stream", method, request_deserializer, response_serializer)

    def stream_unary(
        self,
        method: str,
        request_deserializer: Callable[[bytes], Any] | None = None,
        response_serializer: Callable[[Any], bytes] | None = None,
    ) -> Decorator:
        """The same for a function that is called with an iterator of messages, and returns one."""
        return self._decorate("stream_unary", method, request_deserializer, response_serializer)

    def stream_stream(
        self,
        method: str,
        request_deserializer: Callable[[bytes], Any] | None = None,
        response_serializer: Callable[[Any], bytes] | None = None,
    ) -> Decorator:
        """The same for a function that is called with an iterator of messages, and returns one of them."""
        return self._decorate("stream_stream", method, request_deserializer, response_serializer)

    def _decorate(self, kind: str, method: str, unpack: Any, packer: Any) -> Decorator:
        def register(behavior: Behavior) -> Behavior:
            many = [part == "stream" for part in kind.split("_")]
            self._add(method, _Handler(many[0], many[1], unpack, packer, **{kind: behavior}))
            return behavior

        return register

    def _add(self, path: str, handler: Any) -> None:
        if self._methods.get(path) is handler:  # newer generated code registers each twice
            return
        many = (bool(handler.request_streaming), bool(handler.response_streaming))
        behavior = getattr(handler, BEHAVIORS[many])
        if inspect.iscoroutinefunction(behavior) or inspect.isasyncgenfunction(behavior):
            raise TypeError(f"{path}: {behavior!r} is of grpc.aio; servicers are plain functions and generators here")
        method = Method(self, path, many, handler)
        route = self._server._add_method(path, _KINDS[many], method.handle)
        for name, value in self._options.items():
            self._server._set_route(route, name, value)
        self._methods[path] = handler

    # ------------------------------------------------------------------------------------ what clients are told

    def health(self, service: str = "", status: int = HEALTH_SERVING) -> None:
        """Says what a service is, and has the server answer grpc.health.v1: Check, Watch, List.

        "" stands for the whole program, which is SERVING unless the program says otherwise; a worker that drains says
        NOT_SERVING of all. Services are named before the server runs; what they are can be said at any time, by any thread
        of any process. See forker_grpc_health() of forker.h.

        Raises Error (E_INVALID: no such status; E_STATE or E_PROCESS: a service that was not named before; E_LIMIT).
        """
        code = lib.forker_grpc_health(self._server._live(), c_text(service), status)
        if code == E_INVALID:
            raise Error(code, f"{status} is none of HEALTH_UNKNOWN, HEALTH_SERVING and HEALTH_NOT_SERVING")
        self._server._check_setup(code)

    def reflection(self, *descriptions: Any) -> None:
        """Has the server answer grpc.reflection.v1 and v1alpha: grpcurl and others list the services and call them.

        `descriptions` are generated modules such as helloworld_pb2, descriptors of files, or packed FileDescriptorSets;
        what they import comes along. Whoever can make calls can read them. Raises TypeError, and Error (E_INVALID: malformed,
        or without what it imports; E_LIMIT; E_STATE: running).
        """
        for packed in pack(descriptions) or [b""]:
            code = lib.forker_server_grpc_descriptors(self._server._live(), packed or None, len(packed))
            self._server._check_setup(code)

    def _pool(self) -> Threads:
        if self._threads is None:
            self._threads = Threads("forker-grpc", self._thread_count, int(self._server.option("handler_queue")))
        return self._threads


class Method:
    """A method, and what its calls have in common."""

    def __init__(self, services: Services, path: str, many: tuple[bool, bool], handler: Any) -> None:
        self.path = path
        self.takes_many, self.gives_many = many
        self._handler = handler
        self._services = services
        self.compression = services.compression  # of its calls; None: as option grpc_compress says
        self._is_inline = services._inline and not any(many)

    def handle(self, address: int, user: int | None) -> int:
        """The handler of C."""
        try:
            if self._is_inline:
                return Inline(self, address).handle()
            return Threaded(self, address).handle(self._services._pool())
        except BaseException as exc:
            self.report("a call could not be given to its servicer", exc)
            return E_INTERNAL

    def intercepted(self, context: Context) -> Any:
        """What serves a call: the handler, or what the interceptors of the program put in its place."""
        interceptors, handler = self._services._interceptors, self._handler
        if not interceptors:
            return handler

        def ask(index: int, details: Any) -> Any:
            if index == len(interceptors):
                return handler
            return interceptors[index].intercept_service(lambda further: ask(index + 1, further), details)

        return ask(0, _Details(self.path, context.invocation_metadata()))

    def log(self, text: str) -> None:
        self._services._server.log(LOG_ERROR, f"{self.path}: {text}")

    def report(self, what: str, exc: BaseException) -> None:
        """Logs an exception."""
        self._services._server._report_failure(f"{self.path}: {what}", exc)
