"""gRPC: servicers of generated code and functions of bytes, called by grpcio's client."""

import contextlib
import pathlib
import subprocess
import tempfile
import threading
import unittest

from grpc_program import call, failure, generated, serving  # before grpcio, without which it leaves the tests out
import grpc
from grpc import StatusCode

import forker
import forker.grpc
from program import TIMEOUT, Program
from test_grpc_stream import STREAMS

TOOL = pathlib.Path(__file__).parents[3] / "tools" / "dev-certificate"
LARGE = 3 << 20
BOOM = "Exception calling application: boom ü"


def each_way(test):
    """Runs a test with methods called on threads, and on the main thread."""

    def run(self):
        for options in ("", "inline=True"):
            with self.subTest(options=options):
                test(self, options)

    return run


UNARY = """
@services.unary_unary("/t.T/Say")
def say(request, context):
    return request
@services.unary_unary("/t.T/Fail")
def fail(request, context):
    return eval(request)(context)
def boom(request=None):
    raise ValueError("boom \\u00fc")
services.unary_unary("/t.T/Request", request_deserializer=boom)(say)
services.unary_unary("/t.T/Response", response_serializer=boom)(say)
services.unary_unary("/t.T/Text")(lambda request, context: "no bytes")
def set_code(context, code, details=None, then=lambda: b"", trailing=()):
    context.set_code(code)
    context.set_trailing_metadata(trailing)
    if details is not None:
        context.set_details(details)
    assert (context.code(), context.details()) == (code, details and details.encode())
    return then()
def swallow(context):
    try:
        context.abort(StatusCode.NOT_FOUND, "gone")
    except Exception:
        return b"here"
"""


class UnaryTest(unittest.TestCase):
    @each_way
    def test_messages_come_and_go(self, options):
        with serving(UNARY, options) as (_, channel):
            for request in (b"", b"\0\xff", b"m" * LARGE):
                self.assertEqual(call(channel, "Say", request)[0], request)
            results = [channel.unary_unary("/t.T/Say").future(b"%d" % i, timeout=TIMEOUT) for i in range(300)]
            self.assertEqual([result.result() for result in results], [b"%d" % i for i in range(300)])

    @each_way
    def test_statuses_are_those_of_grpcio(self, options):
        with serving(UNARY, options) as (program, channel):
            for source, code, details in (
                ("lambda c: c.abort(StatusCode.NOT_FOUND, 'gone \\u00fc%\\0')", StatusCode.NOT_FOUND, "gone ü%?"),
                ("lambda c: c.abort(StatusCode.OK, 'fine')", StatusCode.UNKNOWN, ""),
                ("lambda c: c.abort('no code', 'x')", StatusCode.UNKNOWN, "x"),
                ("lambda c: set_code(c, StatusCode.ABORTED, 'as set')", StatusCode.ABORTED, "as set"),
                ("lambda c: set_code(c, StatusCode.ABORTED, 'as set', boom)", StatusCode.ABORTED, "as set"),
                ("lambda c: set_code(c, 7, None, boom)", StatusCode.PERMISSION_DENIED, BOOM),
                ("lambda c: set_code(c, 99)", StatusCode.UNKNOWN, ""),
                ("lambda c: set_code(c, StatusCode.OK, None, boom)", StatusCode.UNKNOWN, BOOM),
                ("lambda c: boom()", StatusCode.UNKNOWN, BOOM),
                ("lambda c: exit(3)", StatusCode.UNKNOWN, "Exception calling application: 3"),
                ("lambda c: c.cancel()", StatusCode.CANCELLED, "Cancelled"),
                ("lambda c: None", StatusCode.INTERNAL, "Failed to serialize response!"),
                ("swallow", StatusCode.NOT_FOUND, "gone"),
            ):
                self.assertEqual(failure(call, channel, "Fail", source.encode())[:2], (code, details), source)
            for method, details in (
                ("Request", "Exception deserializing request!"),
                ("Response", "Failed to serialize response!"),
                ("Text", "Failed to serialize response!"),
            ):
                self.assertEqual(failure(call, channel, method)[:2], (StatusCode.INTERNAL, details))
            self.assertEqual(failure(call, channel, "None")[0], StatusCode.UNIMPLEMENTED)
            self.assertEqual(call(channel, "Fail", b"lambda c: set_code(c, None, 'fine')")[0], b"")
        log = "\n".join(program.log.seen)
        self.assertIn("/t.T/Fail: Exception calling application", log)
        self.assertIn("ValueError: boom", log)
        self.assertIn("/t.T/Fail: abort() was called with status OK", log)
        self.assertNotIn("Aborted", log)

    @each_way
    def test_metadata_goes_both_ways(self, options):
        source = """
@services.unary_unary("/t.T/Meta")
def meta(request, context):
    got = [tuple(entry) for entry in context.invocation_metadata() if entry.key.startswith("x-")]
    context.send_initial_metadata(got)
    try:
        context.send_initial_metadata(())
    except ValueError:
        context.set_trailing_metadata([("replaced", "1")])
        context.set_trailing_metadata((("x-last", "a text"), ("x-last-bin", b"\\0\\xff")))
    return repr([key for key, value in context.invocation_metadata()]).encode()
@services.unary_unary("/t.T/Bad")
def bad(request, context):
    context.send_initial_metadata([eval(request)])
@services.unary_unary("/t.T/BadLast")
def bad_last(request, context):
    context.set_trailing_metadata([eval(request)])
    return b""
class Status:
    code, details, trailing_metadata = StatusCode.NOT_FOUND, "gone", (("grpc-status-details-bin", b"packed"), ("x-more", "1"))
@services.unary_unary("/t.T/Status")
def status(request, context):
    context.abort_with_status(Status)
"""
        sent = (("x-text", "a text"), ("x-bytes-bin", b"\x00\xff\x01"), ("x-text", "again"), ("x-empty-bin", b""))
        with serving(source, options) as (program, channel):
            response, got = call(channel, "Meta", metadata=sent)
            own = [tuple(entry) for entry in got.initial_metadata() if entry[0].startswith("x-")]
            self.assertEqual(sorted(own), sorted(sent))
            last = dict(got.trailing_metadata())
            self.assertEqual((last["x-last"], last["x-last-bin"], last.get("replaced")), ("a text", b"\x00\xff", None))
            self.assertIn("user-agent", eval(response))
            self.assertFalse({"te", "content-type", "host", "grpc-timeout", "grpc-accept-encoding"} & set(eval(response)))
            for entry in ('("a b", "x")', '("grpc-x", "x")', '("x", "\\n")', '("x", 7)', '("x\\0", "x")'):
                self.assertEqual(failure(call, channel, "Bad", entry.encode())[0], StatusCode.UNKNOWN, entry)
                code, details, _ = failure(call, channel, "BadLast", entry.encode())
                self.assertEqual((code, details), (StatusCode.INTERNAL, "the trailing metadata cannot be sent"), entry)
            code, details, error = failure(call, channel, "Status")
            last = dict(error.trailing_metadata())
            self.assertEqual((code, details), (StatusCode.NOT_FOUND, "gone"))
            self.assertEqual((last["grpc-status-details-bin"], last["x-more"]), (b"packed", "1"))
        self.assertIn("belongs to gRPC", "\n".join(program.log.seen))

    def test_metadata_goes_out_before_there_is_a_message(self):
        source = """
@services.stream_stream("/t.T/First")
def first(requests, context):
    context.send_initial_metadata([("x-first", "1")])
    yield from requests
@services.stream_unary("/t.T/FirstOfOne")
def first_of_one(requests, context):
    context.send_initial_metadata([("x-first", "1")])
    return b"".join(requests)
@services.stream_unary("/t.T/FirstOfNone")
def first_of_none(requests, context):
    context.send_initial_metadata([("x-first", "1")])
    context.abort(StatusCode.ABORTED, "gone")
"""
        with serving(source) as (_, channel):
            met = threading.Event()

            def requests():
                self.assertTrue(met.wait(TIMEOUT))
                yield b"a message"

            def meet(got):
                self.assertIn(("x-first", "1"), [tuple(entry) for entry in got.initial_metadata()])
                met.set()
                return got

            self.assertEqual(list(meet(channel.stream_stream("/t.T/First")(requests(), timeout=TIMEOUT))), [b"a message"])
            met.clear()
            got = meet(channel.stream_unary("/t.T/FirstOfOne").future(requests(), timeout=TIMEOUT))
            self.assertEqual(got.result(), b"a message")
            got = meet(channel.stream_unary("/t.T/FirstOfNone").future(iter(()), timeout=TIMEOUT))
            self.assertEqual((got.code(), got.details()), (StatusCode.ABORTED, "gone"))

    def test_bytes_may_come_joined_and_without_padding(self):
        source = """
@services.unary_unary("/t.T/Raw")
def raw(request, context):
    return repr([value for key, value in context.invocation_metadata() if key == "x-bin"]).encode()
"""
        with serving(source) as (program, _):
            command = ["curl", "-sS", "--noproxy", "*", "--http2-prior-knowledge", "--data-binary", "@-"]
            for field in ("Content-Type: application/grpc", "TE: trailers", "X-Bin: AQ,/w==, !,"):
                command += ["-H", field]
            done = subprocess.run(
                [*command, f"http://{program.address}/t.T/Raw"], input=bytes(5), capture_output=True, check=True, timeout=TIMEOUT
            )
            self.assertEqual(eval(done.stdout[5:]), [b"\x01", b"\xff", b""])

    @each_way
    def test_context_knows_its_call(self, options):
        source = """
import time
kept = []
@services.unary_unary("/t.T/Know")
def know(request, context):
    kept.append(context)
    left = context.time_remaining()
    assert context.is_active() and context.add_callback(lambda: told("over", context.is_active()))
    facts = (left, context.peer(), context.auth_context(), context.peer_identities(), context.peer_identity_key())
    return repr(facts).encode()
@services.unary_unary("/t.T/After")
def after(request, context):
    try:
        kept[0].invocation_metadata()
    except forker.grpc.RpcError as error:
        return repr(facts(kept[0], error)).encode()
def facts(context, error):
    return (context.is_active(), context.add_callback(print), context.time_remaining(), str(error))
import forker.grpc
"""
        with serving(source, options) as (program, channel):
            left, peer, *others = eval(call(channel, "Know")[0])
            self.assertTrue(0 < left < TIMEOUT + 1, left)  # the client rounds up
            self.assertRegex(peer, r"^ipv4:127\.0\.0\.1:\d+$")
            self.assertEqual(others, [{}, None, None])
            self.assertEqual(program.out.wait_for("over"), "over False")
            self.assertEqual(eval(call(channel, "After")[0]), (False, False, 0, "the call has ended"))
            self.assertIsNone(eval(channel.unary_unary("/t.T/Know")(b""))[0])

    def test_a_deadline_ends_a_call(self):
        source = """
@services.unary_unary("/t.T/Never")
def never(request, context):
    gone = threading.Event()
    assert context.add_callback(gone.set)
    assert gone.wait(30)
    told("gone", context.is_active(), context.time_remaining() < 0.2)
    return b""
"""
        with serving(source) as (program, channel):
            code = failure(channel.unary_unary("/t.T/Never"), b"", timeout=0.2)[0]
            self.assertEqual(code, StatusCode.DEADLINE_EXCEEDED)
            self.assertEqual(program.out.wait_for("gone"), "gone False True")

    def test_calls_beyond_the_threads_wait_or_are_refused(self):
        source = """
@services.unary_unary("/t.T/Wait")
def wait(request, context):
    told("called")
    go.wait(30)
    return request
go = threading.Event()
@server.get("/go")
def let_go(request):
    go.set()
    return "go"
"""
        with serving(source, "threads=1", "h2c=True, handler_queue=1") as (program, channel):
            waiting = []
            for i in range(2):
                waiting.append(channel.unary_unary("/t.T/Wait").future(b"%d" % i, timeout=TIMEOUT))
                if i == 0:
                    program.out.wait_for("called")
            refused = [channel.unary_unary("/t.T/Wait").future(b"", timeout=TIMEOUT) for _ in range(2)]
            for call_ in refused:
                self.assertEqual((call_.code(), call_.details()), (StatusCode.UNAVAILABLE, "too many calls wait"))
            program.get("/go")
            self.assertEqual([call_.result() for call_ in waiting], [b"0", b"1"])


class GeneratedTest(unittest.TestCase):
    def test_servicers_run_unchanged(self):
        source = """
import helloworld_pb2, helloworld_pb2_grpc, grpc
class Greeter(helloworld_pb2_grpc.GreeterServicer):
    def SayHello(self, request, context):
        assert isinstance(context, grpc.ServicerContext) and forker.grpc.StatusCode is grpc.StatusCode
        return helloworld_pb2.HelloReply(message=f"Hello {request.name}")
import forker.grpc
servicer = Greeter()
helloworld_pb2_grpc.add_GreeterServicer_to_server(servicer, services)
# As newer generated code does besides.
services.add_registered_method_handlers("helloworld.Greeter", {
    path.rpartition("/")[2]: handler for path, handler in services._methods.items()})
services.health()
services.health("helloworld.Greeter", forker.grpc.HEALTH_NOT_SERVING)
services.reflection(helloworld_pb2)
"""
        with generated() as directory, serving(f"sys.path.append({directory!r})\n{source}") as (program, channel):
            name = b"\x0a\x03you"
            say = channel.unary_unary("/helloworld.Greeter/SayHello")
            self.assertEqual(say(name, timeout=TIMEOUT), b"\x0a\x09Hello you")
            code, details, _ = failure(say, b"\x0a", timeout=TIMEOUT)
            self.assertEqual((code, details), (StatusCode.INTERNAL, "Exception deserializing request!"))
            twice = channel.unary_stream("/helloworld.Greeter/SayHelloTwice")
            code, details, _ = failure(lambda: list(twice(name, timeout=TIMEOUT)))
            self.assertEqual((code, details), (StatusCode.UNIMPLEMENTED, "Method not implemented!"))
            check = channel.unary_unary("/grpc.health.v1.Health/Check")
            self.assertEqual(check(b"", timeout=TIMEOUT), b"\x08\x01")
            self.assertEqual(check(b"\x0a\x12helloworld.Greeter", timeout=TIMEOUT), b"\x08\x02")
            for version in ("v1", "v1alpha"):
                info = channel.stream_stream(f"/grpc.reflection.{version}.ServerReflection/ServerReflectionInfo")
                (answer,) = info(iter([b"\x3a\x00"]), timeout=TIMEOUT)  # list_services
                self.assertIn(b"helloworld.Greeter", answer)
                (answer,) = info(iter([b"\x22\x12helloworld.Greeter"]), timeout=TIMEOUT)  # file_containing_symbol
                self.assertIn(b"HelloRequest", answer)

    def test_interceptors_of_grpcio_are_asked(self):
        source = """
import grpc
def deny(request, context):
    context.abort(StatusCode.UNAUTHENTICATED, "who are you?")
class Guard(grpc.ServerInterceptor):
    def intercept_service(self, continuation, details):
        told("asked", details.method)
        what = dict(details.invocation_metadata).get("what")
        if what == "boom":
            raise ValueError(what)
        if what == "none":
            return None
        return continuation(details) if what == "ok" else grpc.unary_unary_rpc_method_handler(deny)
guards = [Guard(), Guard()]
services = server.grpc(interceptors=guards)
"""
        with serving(source + STREAMS) as (program, channel):
            count, ok = channel.stream_unary("/t.T/Count"), [("what", "ok")]
            self.assertEqual(count(iter([b"1"]), timeout=TIMEOUT, metadata=ok), b"1 of 1")
            self.assertEqual([program.out.wait_for("asked") for _ in range(2)], ["asked /t.T/Count"] * 2)
            for what, code in (
                ("", StatusCode.UNAUTHENTICATED),
                ("boom", StatusCode.UNKNOWN),
                ("none", StatusCode.UNIMPLEMENTED),
            ):
                options = {"timeout": TIMEOUT, "metadata": [("what", what)]}
                self.assertEqual(failure(count, iter([b"1"]), **options)[0], code)
                many = channel.unary_stream("/t.T/Many")
                self.assertEqual(failure(lambda: list(many(b"1 1", **options)))[0], code)

    def test_methods_have_guards_and_options(self):
        source = """
@server.group("/t.T").use
def guard(request):
    if request.headers.get("x-token") != "secret":
        forker.abort(401, "who are you?")
""" + UNARY
        with serving(source, 'rate_limit="2/h"') as (_, channel):
            self.assertEqual(failure(call, channel, "Say")[:2], (StatusCode.UNAUTHENTICATED, "who are you?"))
            token = [("x-token", "secret")]
            codes = []
            for _ in range(4):
                with contextlib.suppress(grpc.RpcError):
                    codes.append(call(channel, "Say", metadata=token)[1].code())
            self.assertEqual(codes, [StatusCode.OK] * len(codes))
            self.assertEqual(failure(call, channel, "Say", metadata=token)[0], StatusCode.UNAVAILABLE)

    def test_grpcio_need_not_be_there(self):
        source = """
import forker.grpc, enum
assert forker.grpc.StatusCode.__module__ == "forker.grpc.status"
services = server.grpc()
"""
        setup = "sys.modules['grpc'] = None\nserver = make_server(h2c=True)\n" + source
        with Program(setup + UNARY.replace("StatusCode", "forker.grpc.StatusCode") + "server.run()") as program:
            program.wait_ready()
            with grpc.insecure_channel(program.address) as channel:
                self.assertEqual(call(channel, "Say", b"hi")[0], b"hi")
                source = b"lambda c: c.abort(forker.grpc.StatusCode.NOT_FOUND, 'gone')"
                self.assertEqual(failure(call, channel, "Fail", source)[:2], (StatusCode.NOT_FOUND, "gone"))
            self.assertEqual(program.stop(), 0)


class SetupTest(unittest.TestCase):
    def setUp(self):
        self.server = self.enterContext(forker.Server())
        self.services = self.server.grpc()

    def test_bad_methods_are_refused(self):
        for method in ("", "t.T/Say", "/t.T", "/t.T/", "/t..T/Say", "/t.T/a/b"):
            with self.assertRaises(forker.Error, msg=method) as raised:
                self.services.unary_unary(method)(print)
            self.assertEqual(raised.exception.code, forker.E_ROUTE)
            self.assertIn("/package.Service/Method", str(raised.exception))
        self.services.unary_unary("/t.T/Say")(print)
        with self.assertRaises(forker.Error) as raised:
            self.services.unary_stream("/t.T/Say")(print)
        self.assertEqual(raised.exception.code, forker.E_ROUTE)

    def test_servicers_of_another_kind_are_refused(self):
        async def say(request, context):
            return request

        async def many(request, context):
            yield request

        for function in (say, many):
            with self.assertRaisesRegex(TypeError, r"/t\.T/Say: .* of grpc\.aio"):
                self.services.unary_unary("/t.T/Say")(function)
        with self.assertRaisesRegex(TypeError, "does not tell which methods it has"):
            self.services.add_generic_rpc_handlers([object()])
        with self.assertRaises(ValueError):
            self.server.grpc(threads=0)
        with self.assertRaises(forker.Error) as raised:
            self.server.grpc(max_body="1k").unary_unary("/t.T/Say")(print)
        self.assertEqual(raised.exception.code, forker.E_OPTION)

    def test_bad_descriptions_are_refused(self):
        for status in (-1, 3):
            with self.assertRaisesRegex(forker.Error, "none of HEALTH_UNKNOWN"):
                self.services.health("t.T", status)
        with self.assertRaises(forker.Error) as raised:
            self.services.health("s" * 201)
        self.assertEqual(raised.exception.code, forker.E_LIMIT)
        with self.assertRaises(forker.Error) as raised:
            self.services.reflection(b"\x0a")
        self.assertEqual(raised.exception.code, forker.E_INVALID)
        for wrong in (None, "helloworld.proto", unittest):
            with self.assertRaisesRegex(TypeError, "describes no file"):
                self.services.reflection(wrong)
        self.services.reflection()

    def test_a_server_without_http2_is_not_run(self):
        self.services.unary_unary("/t.T/Say")(print)
        self.server.listen("127.0.0.1:0")
        with self.assertRaisesRegex(forker.Error, "h2c"):
            self.server.start()


class TLSTest(unittest.TestCase):
    def test_clients_are_known_by_their_certificate(self):
        source = """
@services.unary_unary("/t.T/Who")
def who(request, context):
    facts = (context.peer_identities(), context.peer_identity_key(), dict(context.auth_context()))
    return repr(facts).encode()
"""
        directory = self.enterContext(tempfile.TemporaryDirectory())
        for name in ("localhost", "joe"):
            subprocess.run([TOOL, name], cwd=directory, check=True, stdout=subprocess.DEVNULL)

        def read(name):
            return pathlib.Path(directory, name).read_bytes()

        setup = f"""
server = forker.Server(workers=1, http2=True)
server.certificate("{directory}/localhost.pem", "{directory}/localhost.key")
server.client_ca("{directory}/joe.pem")
server.listen("127.0.0.1:0?tls=on&client_cert=optional")
server.worker_init(lambda worker: told("ready", server.address(0)))
services = server.grpc()
"""
        with Program(setup + source + "server.run()") as program:
            program.wait_ready()
            target = (("grpc.ssl_target_name_override", "localhost"),)
            for key in (None, "joe"):
                pair = (read("joe.key"), read("joe.pem")) if key else (None, None)
                credentials = grpc.ssl_channel_credentials(read("localhost.pem"), *pair)
                with grpc.secure_channel(program.address, credentials, target) as channel:
                    identities, identity_key, properties = eval(call(channel, "Who")[0])
                self.assertEqual(properties["transport_security_type"], [b"ssl"])
                if key is None:
                    self.assertEqual((identities, identity_key), (None, None))
                    self.assertNotIn("x509_common_name", properties)
                else:
                    self.assertEqual(identities, [b"joe", b"127.0.0.1", b"::1"])
                    self.assertEqual(identity_key, "x509_subject_alternative_name")
                    self.assertEqual(properties["x509_common_name"], [b"joe"])
                    self.assertEqual(properties["x509_pem_cert"][0].split(), read("joe.pem").split())
            self.assertEqual(program.stop(), 0)

    def test_names_are_read_out_of_subjects(self):
        from forker.grpc.peer import _COMMON_NAME, _unescape, peer_of

        for subject, name in (("CN=joe,O=x", "joe"), (r"O=CN\,=x,CN=a\,b\C3\BC", "a,bü"), ("O=x+CN=y", "y"), ("OCN=x", None)):
            found = _COMMON_NAME.findall(subject)
            self.assertEqual(_unescape(found[0]) if found else None, name)
        self.assertEqual(peer_of("[::1]:50"), "ipv6:%5B::1%5D:50")
        self.assertEqual(peer_of("unix:"), "unix:")


if __name__ == "__main__":
    unittest.main()
