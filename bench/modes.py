"""What is asked of the servers, and what is measured: one Mode for each column of the tables."""

import dataclasses
import pathlib

HERE = pathlib.Path(__file__).resolve().parent
GREETING = b"greeting!!!"
PIPELINE_DEPTH = 16  # as in load/pipeline.lua
PIPELINED = ("-s", str(HERE / "load/pipeline.lua"))
CONNECTIONS = 64
KIB, MIB = 1 << 10, 1 << 20

# What a browser sends; with Host they are ten.
BROWSER_FIELDS = {
    "Connection": "keep-alive",
    "Cache-Control": "max-age=0",
    "Upgrade-Insecure-Requests": "1",
    "User-Agent": "Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/126.0.0.0 Safari/537.36",
    "Accept": "text/html,application/xhtml+xml,application/xml;q=0.9,image/avif,image/webp,*/*;q=0.8",
    "Referer": "http://127.0.0.1/previous/page.html",
    "Accept-Encoding": "gzip, deflate, br, zstd",
    "Accept-Language": "en-GB,en;q=0.9,de;q=0.8",
    "Cookie": "session=0123456789abcdef0123456789abcdef; theme=dark; consent=yes",
}


@dataclasses.dataclass(frozen=True)
class Mode:
    """One way to ask. `needs` names what a server must be able to do, see servers.py."""

    name: str
    table: str
    heading: str
    measure: str = "rate"  # one of measures.MEASURES
    needs: str = ""
    path: str = "/"
    body: int = len(GREETING)  # bytes of the response's body
    upload: int = 0  # bytes of the request's body; the response is this number
    message: bytes = b""  # of a gRPC call, instead of a body,
    replies: int = 0  # and how many messages come back
    file: bool = False
    tls: str = ""  # the kind of the server's key, ecdsa or rsa; "": clear text
    streams: int = 0  # requests at a time on a connection of HTTP/2; 0: HTTP/1.1
    close: bool = False
    connections: int = CONNECTIONS
    others: str = ""  # what clients of load/slow.c do meanwhile, see there,
    others_count: int = 0  # and how many there are
    options: tuple = ()  # of libforker
    workers: int = 1
    fields: tuple = ()
    posted: bytes = b""  # the body of the request, with `reply` as the response's
    reply: bytes = b""
    script: tuple = ()  # for wrk, with its arguments

    @property
    def answer(self):
        """The body that must come back."""
        if self.message:
            return self.replies * framed(HELLO_REPLY)
        if self.posted:
            return self.reply
        if self.upload:
            return str(self.upload).encode()
        return GREETING if self.body == len(GREETING) else b"x" * self.body

    @property
    def request(self):
        """The request, as bytes."""
        posts = self.upload or self.posted
        lines = [f"{'POST' if posts else 'GET'} {self.path} HTTP/1.1", "Host: 127.0.0.1"]
        lines += [f"{name}: {value}" for name, value in self.fields]
        if self.upload:
            lines += ["Content-Type: application/octet-stream", f"Content-Length: {self.upload}"]
        if self.posted:
            lines += ["Content-Type: application/json", f"Content-Length: {len(self.posted)}"]
        return "\r\n".join([*lines, "", ""]).encode() + (self.posted or b"x" * self.upload)


def download(text, size):
    return Mode(f"get-{text}", "Bodies", f"GET {size}", needs="body", path=f"/{text}", body=size_of(size))


def static(text, size):
    return Mode(f"static-{text}", STATIC, size, "cpu", "static", path=f"/static/{text}", body=size_of(size))


def layer(name, heading, **more):
    """What stands around a handler, pipelined, so that nanoseconds show."""
    return Mode(f"layer-{name}", LAYERS, heading, measure="cpu", needs="layers", script=PIPELINED, **more)


def upload(text, size):
    script = ("-s", str(HERE / "load/upload.lua"), "--", str(size_of(size)))
    return Mode(f"post-{text}", "Bodies", f"POST {size}", needs="upload", path="/upload", upload=size_of(size), script=script)


def size_of(text):
    number, unit = text.split()
    return int(number) * {"KiB": KIB, "MiB": MIB}[unit]


# So short that the time of slow clients runs out while they are watched, measures.DISTURBED_LEAST; but not that of idle
# ones, as most of the clients that are measured are idle, too.
TIME_LIMITS = tuple((f"{what}_timeout", "10s") for what in ("read_header", "read_body", "write"))


def slow(what, count, needs="slow"):
    heading = f"{count:,} {what}"
    return Mode(f"slow-{what}", SLOW, heading, "disturbed", needs, others=what, others_count=count, options=TIME_LIMITS)


def crew(name, heading, needs, measure="rate"):
    fields = (("Connection", "close"),)
    return Mode(f"crew-{name}", CREW, heading, measure, needs, close=True, fields=fields, workers=CREW_SIZE)


def secured(name, heading, measure="cpu", key="ecdsa", **more):
    return Mode(name, TLS, heading, measure, "tls", tls=key, **more)


def http2(name, heading, streams, tls="", **more):
    return Mode(name, HTTP2, heading, "cpu", "http2", streams=streams, tls=tls, options=HTTP2_OPTIONS, **more)


HTTP2_OPTIONS = (("h2c", "on"), ("http2", "on"))


GRPC = "gRPC: CPU time of the server's processes for a call, relative to grpc-go's"


def framed(message):
    """A message of gRPC with its prefix."""
    return b"\0" + len(message).to_bytes(4, "big") + message


def grpc(name, heading, streams, method="SayHello", replies=1, table=GRPC, needs="grpc", **more):
    """Calls of bench/peers/greeter.proto."""
    request = framed(HELLO_REQUEST)
    fields = (("Content-Type", "application/grpc"), ("TE", "trailers"))
    more |= {"path": f"/helloworld.Greeter/{method}", "upload": len(request), "message": request, "fields": fields}
    return Mode(name, table, heading, "cpu", needs, streams=streams, replies=replies, options=HTTP2_OPTIONS, **more)


HELLO_REQUEST, HELLO_REPLY = b"\x0a\x05world", b"\x0a\x0bHello world"  # field 1, a text, each
GRPC_REPLIES = 100  # of a call that streams


def python(needs, heading, **more):
    """`needs` is what a server needs, and which application of bench/peers it serves."""
    return Mode(f"python-{needs}", PYTHON, heading, "python", needs, connections=FEW_PYTHON, **more)


def python_json(needs, heading):
    script = ("-s", str(HERE / "load/json.lua"), "--", str(POSTED))
    fields = tuple(BROWSER_FIELDS.items())
    return python(needs, heading, path="/upload", posted=POSTED.read_bytes(), reply=JSON_REPLY, fields=fields, script=script)


POSTED = HERE / "load/order.json"
JSON_REPLY = b'{"id": 1234567, "user": "somebody@example.org", "count": 3, "total": 82, "ok": true}'
CLOSE = (("Connection", "close"),)
CREW_SIZE = 4
CREW = f"{CREW_SIZE} workers"
WORKERS_NEEDED = "workers"
SLOW = "Slow clients: 99 % of latency in microseconds without them and with them"
BASIC = "Requests"
LAYERS = f"Around a handler, pipelined {PIPELINE_DEPTH}: CPU time of the server's processes for a request"
FEW = "Few connections"
APART = "Server and load generator on a core each"
MANY = "Many connections"
HTTP2 = "HTTP/2: CPU time of the server's processes, relative to h2o's"
PYTHON = "Python applications: CPU time per request of the server's processes in microseconds, and private memory of the worker in MiB"
FEW_PYTHON = 16  # connections: gunicorn's threads keep each one
STATIC = "Files of a directory: CPU time of the server's processes, relative to nginx's with its open_file_cache"
TLS = "TLS 1.3: CPU time of the server's processes, relative to nginx's"

MODES = {
    mode.name: mode
    for mode in (
        Mode("keep-alive", BASIC, "keep-alive: requests/s"),
        Mode(
            "pipelined",
            BASIC,
            f"pipelined {PIPELINE_DEPTH}: cost per request",
            measure="cost",
            needs="pipeline",
            script=PIPELINED,
        ),
        Mode("close", BASIC, "Connection: close: requests/s", close=True, fields=(("Connection", "close"),)),
        Mode("headers", BASIC, "10 header fields: requests/s", needs="plain", fields=tuple(BROWSER_FIELDS.items())),
        Mode("connections-1", FEW, "1: requests/s", connections=1),
        Mode("connections-4", FEW, "4: requests/s", connections=4),
        Mode("cpu", APART, "CPU time per request of the server's processes", measure="cpu"),
        layer("none", "nothing"),
        layer("before", "three before functions", path="/before"),
        layer("security", "`security=on`", options=(("security", "on"),)),
        layer("rate", "`rate_limit`", options=(("rate_limit", "1000000000/s"),)),
        layer("cors", "`cors_origins`, without an Origin", options=(("cors_origins", "https://app.example"),)),
        download("1k", "1 KiB"),
        download("64k", "64 KiB"),
        download("1m", "1 MiB"),
        upload("1k", "1 KiB"),
        upload("64k", "64 KiB"),
        upload("1m", "1 MiB"),
        Mode("file-1m", "Bodies", "file of 1 MiB", needs="file", path="/files/1m", body=MIB, file=True),
        static("1k", "1 KiB"),
        static("64k", "64 KiB"),
        Mode("pool", "Kinds of handlers", "on a pool: requests/s", needs="pool", path="/pool"),
        Mode("deferred", "Kinds of handlers", "from another thread: requests/s", needs="deferred", path="/deferred"),
        Mode("connections-1000", MANY, "1,000: requests/s", measure="crowd", connections=1000),
        Mode("connections-10000", MANY, "10,000: requests/s", measure="crowd", connections=10000),
        Mode("idle", MANY, "bytes for an idle one", measure="memory", connections=10000),
        Mode("latency", "Latency in microseconds", "", measure="latency"),
        slow("heads", 10000),
        slow("bodies", 10000),
        slow("readers", 1000),
        slow("idle", 10000),
        slow("handlers", 100, "sleep"),
        secured("tls", "keep-alive"),
        secured("tls-64k", "GET 64 KiB", path="/64k", body=64 * KIB),
        secured("tls-close", "Connection: close, ECDSA", close=True, fields=CLOSE),
        secured("tls-resumed", "resumed", "resumed", close=True, fields=CLOSE),
        secured("tls-idle", "bytes for an idle one", "memory", connections=2000),
        secured("tls-storm", "storm of RSA handshakes", "storm", "rsa", close=True, fields=CLOSE),
        http2("h2-1", "1 at a time", 1),
        http2("h2-10", "10", 10),
        http2("h2-100", "100", 100),
        http2("h2-tls-1", "over TLS: 1", 1, "ecdsa"),
        http2("h2-tls-10", "10", 10, "ecdsa"),
        http2("h2-tls-100", "100", 100, "ecdsa"),
        http2("h2-64k", "GET 64 KiB, 10 at a time", 10, path="/64k", body=64 * KIB),
        http2("h2-post", "POST 1 KiB, 10 at a time", 10, path="/upload", upload=KIB),
        grpc("grpc-1", "unary: 1 at a time", 1),
        grpc("grpc-10", "10", 10),
        grpc("grpc-100", "100", 100),
        grpc("grpc-stream", f"{GRPC_REPLIES} messages in response, 10 calls at a time", 10, "SayHelloOften", GRPC_REPLIES),
        python("wsgi", "WSGI: GET"),
        python_json("wsgi-json", "POST of JSON"),
        python("asgi", "ASGI: GET"),
        grpc("python-grpc", "gRPC, 10 at a time", 10, table=PYTHON, needs="calls", connections=FEW_PYTHON),
        python_json("asgi-json", "POST of JSON"),
        python("flask", "Flask"),
        python("django", "Django"),
        python("fastapi", "FastAPI"),
        crew("close", "Connection: close: requests/s", WORKERS_NEEDED),
        crew("balance", "", "crew", measure="balance"),
        crew("kills", "", "crew", measure="kills"),
    )
}

# What several modes are called together.
GROUPS = {"python": [name for name, mode in MODES.items() if mode.table == PYTHON]}
DEFAULT = ("keep-alive", "pipelined", "close", "connections-1", "connections-4", "cpu")
