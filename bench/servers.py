"""The servers that are compared: how each is started, what it can do, in which version it is here."""

import contextlib
import dataclasses
import os
import pathlib
import re
import shutil
import signal
import socket
import ssl
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable

from pythons import MODULES, PYTHONS, PYTHONS_BESIDE, is_beside, version_beside

HERE = pathlib.Path(__file__).resolve().parent
START_LIMIT = 10  # seconds until a server must accept connections
STOP_LIMIT = 10  # seconds that a server has to leave after SIGTERM
FEW_CONNECTIONS = 1000  # the most for a server that has a thread for each


class Failure(Exception):
    """A server or a load generator did not do what the measurement needs."""


@dataclasses.dataclass(frozen=True)
class Launch:
    """What a server is started for."""

    programs: pathlib.Path
    port: int
    mode: object
    scratch: str
    connections: int


@dataclasses.dataclass(frozen=True)
class Server:
    """`can` are the features that modes ask for by `needs`. A variant, with other options, is measured only by name."""

    command: Callable[[Launch], list]
    version: Callable[[pathlib.Path], str]
    can: frozenset
    most_connections: int = 10000
    options: tuple = ()  # of libforker, as pairs; {scratch} stands for the directory
    variant: bool = False

    def serves(self, mode):
        uploads = mode.upload and not mode.message and mode.needs not in APPLICATIONS
        if (mode.needs or HTTP) not in self.can or uploads and UPLOAD not in self.can:
            return False
        return mode.measure == "memory" or max(mode.connections, mode.others_count) <= self.most_connections


def floor_command(launch):
    mode = launch.mode
    kind = "close" if mode.close else "keep-alive"
    command = [launch.programs / "floor", str(launch.port), kind, str(mode.body), str(mode.upload)]
    return command + ([os.path.join(launch.scratch, "files/1m")] if mode.file else [])


def program(name):
    return lambda launch: [launch.programs / name, str(launch.port), str(launch.connections), launch.scratch]


def nginx(cache):
    return lambda launch: nginx_command(launch, cache)


def nginx_command(launch, cache):
    config = (HERE / "peers/nginx.conf").read_text()
    tls = (HERE / "peers/nginx-tls.conf").read_text() if launch.mode.tls else ""
    config = config.replace("@TLS@", tls)
    protocols = " ssl" * bool(tls) + " http2" * bool(launch.mode.streams)
    config = config.replace(" backlog=", f"{protocols} backlog=")
    config = config.replace("@CACHE@", cache)
    config = config.replace("@DIR@", launch.scratch).replace("@ADDRESS@", f"127.0.0.1:{launch.port}")
    path = pathlib.Path(launch.scratch, "nginx.conf")
    path.write_text(config)
    return [find_program("nginx"), "-p", launch.scratch, "-e", "stderr", "-c", path]


def find_program(name):
    path = shutil.which(name, path=os.environ.get("PATH", "") + ":/usr/sbin")
    if path is None:
        raise Failure(f"{name} is not installed")
    return path


def output(*command):
    return subprocess.run(command, capture_output=True, text=True, check=True).stdout


def debian_version(package):
    def find(_programs):
        version = output("dpkg-query", "-W", "-f", "${Version}", package)
        return re.sub(r"^\d+:|[-+~].*$", "", version)

    return find


def python_version(package):
    """That of Debian's package, or of what is used instead."""
    module = MODULES.get(package)
    return (lambda _programs: version_beside(module)) if module and is_beside(module) else debian_version(package)


def module_version(module):
    return lambda _programs: re.search(rf"{re.escape(module)} v(\S+)", (HERE / "go.mod").read_text())[1]


def go_version(programs):
    return output("go", "version", programs / "nethttp").split()[-1].removeprefix("go")


def libforker_version(_programs):
    return re.search(r'define FORKER_VERSION "(.*)"', (HERE.parent / "include/forker.h").read_text())[1]


HTTP = "http"  # whatever needs nothing else
PIPELINE, PLAIN, BODY, UPLOAD, FILE, SLOW = "pipeline", "plain", "body", "upload", "file", "slow"
STATIC = "static"  # to serve a directory
TLS, HTTP2, GRPC = "tls", "http2", "grpc"
SLEEP = "sleep"  # to have handlers that sleep, while others run
MOST = frozenset({HTTP, PIPELINE, PLAIN, BODY, UPLOAD, FILE, SLOW})
LAYERS = "layers"  # to have what stands around handlers
WORKERS, CREW = "workers", "crew"  # to have several, and to tell what each did
APPLICATIONS = {"wsgi", "asgi"}  # of Python, as far as servers in C answer the same themselves
EVERYTHING = MOST | APPLICATIONS | {"pool", "deferred", STATIC, SLEEP, WORKERS, TLS, HTTP2, GRPC}


def variant(*options):
    return Server(program("libforker"), libforker_version, EVERYTHING | {CREW, LAYERS}, options=options, variant=True)


# What is missing: the floor takes whatever it reads for a request. nginx reads no uploads by itself, and sends no bodies
# but files and short texts; those of tls-64k and h2-64k are files. cpp-httplib loses requests that were pipelined,
# compresses for whoever accepts that, and sends no files in this version. CivetWeb's files are not asked for.
SERVERS = {
    "floor": Server(floor_command, lambda _programs: "", EVERYTHING - {SLOW, STATIC, SLEEP, TLS, HTTP2, GRPC}),
    "libforker": Server(program("libforker"), libforker_version, EVERYTHING | {CREW, LAYERS}),
    "libforker-reuseport": variant(("reuseport", "on")),
    "libforker-access-log": variant(("access_log", "common"), ("access_log_file", "{scratch}/access.log")),
    "libforker-access-log-json": variant(("access_log", "json"), ("access_log_file", "{scratch}/access.log")),
    "libforker-access-log-null": variant(("access_log", "common"), ("access_log_file", "/dev/null")),
    "fasthttp": Server(program("fasthttp"), module_version("github.com/valyala/fasthttp"), MOST),
    "net/http": Server(program("nethttp"), go_version, MOST | {HTTP2}),
    "nginx": Server(nginx("max=16"), debian_version("nginx"), frozenset({HTTP, PIPELINE, PLAIN, FILE, STATIC, TLS, HTTP2})),
    "nginx-uncached": Server(nginx("off"), debian_version("nginx"), frozenset({FILE, STATIC}), variant=True),
    "h2o": Server(program("h2o"), debian_version("libh2o-evloop-dev"), MOST | {STATIC, TLS, HTTP2}),
    "libmicrohttpd": Server(program("libmicrohttpd"), debian_version("libmicrohttpd-dev"), MOST),
    "evhttp": Server(program("evhttp"), debian_version("libevent-dev"), MOST),
    "civetweb": Server(program("civetweb"), debian_version("libcivetweb-dev"), MOST - {FILE}, FEW_CONNECTIONS),
    "cpp-httplib": Server(
        program("cpp_httplib"), debian_version("libcpp-httplib-dev"), frozenset({HTTP, BODY, UPLOAD}), FEW_CONNECTIONS
    ),
    "grpc-go": Server(program("grpcgo"), module_version("google.golang.org/grpc"), frozenset({GRPC})),
    "grpc-c++": Server(program("grpc_cpp"), debian_version("libgrpc++-dev"), frozenset({GRPC})),
}
SERVERS.update(
    (f"python-{name}", Server(command, python_version(package) if package else libforker_version, frozenset(serves)))
    for name, (command, package, serves) in PYTHONS.items()
)
SERVERS.update(
    (f"python-{module}", Server(command, lambda _programs, module=module: version_beside(module), frozenset(serves)))
    for module, (command, serves) in PYTHONS_BESIDE.items()
    if is_beside(module)
)


def free_port():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def exchange(client, mode):
    """Sends a request and returns the whole answer, as the bytes that came; Failure if it is not the right one."""
    client.sendall(mode.request)
    answer, head = b"", -1
    while head < 0 or len(answer) < head + 4 + len(mode.answer):
        part = client.recv(1 << 20)
        if not part:
            break
        answer += part
        head = answer.find(b"\r\n\r\n")
    if not answer.startswith(b"HTTP/1.1 200 ") or answer[head + 4 :] != mode.answer:
        raise Failure(f"unexpected answer {answer[:300]!r}")
    return answer


CLIENT_CONTEXT = ssl.create_default_context()
CLIENT_CONTEXT.check_hostname = False  # wrk checks nothing either
CLIENT_CONTEXT.verify_mode = ssl.CERT_NONE


def connect(port, mode, session=None):
    """A connection, over TLS if the mode has that, perhaps with an earlier session."""
    client = socket.create_connection(("127.0.0.1", port), timeout=START_LIMIT)
    return CLIENT_CONTEXT.wrap_socket(client, session=session) if mode.tls else client


def url_of(port, mode):
    return f"{'https' if mode.tls else 'http'}://127.0.0.1:{port}{mode.path}"


def exchange_http2(port, mode, upload):
    """The same over HTTP/2, by curl; ConnectionRefusedError if nobody listens yet. Returns the body."""
    command = ["curl", "-sSk", "--http2" if mode.tls else "--http2-prior-knowledge", "-w", "\n%{http_version}"]
    command += ["--data-binary", f"@{upload}"] if mode.upload else []
    command += [word for name, value in mode.fields for word in ("-H", f"{name}: {value}")]
    done = subprocess.run([*command, url_of(port, mode)], capture_output=True, timeout=START_LIMIT, check=False)
    if done.returncode == CURL_REFUSED:
        raise ConnectionRefusedError
    body, _, version = done.stdout.rpartition(b"\n")
    if body != mode.answer or version != b"2":
        raise Failure(f"unexpected answer {done.stdout[:300]!r} over HTTP/2 {done.stderr!r}")
    return body


LONG_AGO = 1700000000  # seconds of Unix time
CURL_REFUSED = 7  # curl(1), EXIT CODES


def make_certificate(scratch, kind):
    """tls.pem and tls.key, of ECDSA on P-256 or RSA of 2048 bits."""
    key = ["rsa:2048"] if kind == "rsa" else ["ec", "-pkeyopt", "ec_paramgen_curve:P-256"]
    chain, key_file = os.path.join(scratch, "tls.pem"), os.path.join(scratch, "tls.key")
    command = ["openssl", "req", "-x509", "-nodes", "-newkey", *key, "-subj", "/CN=localhost", "-days", "2"]
    command += ["-addext", "subjectAltName=DNS:localhost"]
    subprocess.run([*command, "-keyout", key_file, "-out", chain], check=True, capture_output=True)


def wait_until_it_serves(process, port, mode, upload):
    deadline = time.monotonic() + START_LIMIT
    while True:
        if process.poll() is not None:
            raise Failure(f"it left with status {process.returncode} instead of serving")
        try:
            if mode.streams:
                return exchange_http2(port, mode, upload)
            with connect(port, mode) as client:
                return exchange(client, mode)
        except ConnectionRefusedError:
            if time.monotonic() > deadline:
                raise Failure(f"it does not accept connections after {START_LIMIT} s") from None
            time.sleep(0.01)


def prepare_scratch(scratch, mode):
    os.chmod(scratch, 0o755)  # nginx, started by root, reads as another user
    if mode.tls:
        make_certificate(scratch, mode.tls)
    if mode.path == "/64k":
        pathlib.Path(scratch, "64k").write_bytes(mode.answer)  # nginx has bodies of that size from files only
    if mode.upload:
        pathlib.Path(scratch, "upload").write_bytes(mode.message or b"x" * mode.upload)
    if mode.file or mode.needs == STATIC:
        path = pathlib.Path(scratch, mode.path[1:])
        path.parent.mkdir()
        path.write_bytes(mode.answer)
        os.utime(path, (LONG_AGO, LONG_AGO))  # nobody may know a file well that was just written


@dataclasses.dataclass(frozen=True)
class Running:
    """A server that serves."""

    process: subprocess.Popen
    port: int
    answer: bytes
    upload: str  # the file with the body of requests


@contextlib.contextmanager
def running(name, mode, options):
    """Starts a server on the core and a free port; yields it as Running; leaves nothing of it behind."""
    server = SERVERS[name]
    with tempfile.TemporaryDirectory() as scratch:
        prepare_scratch(scratch, mode)
        connections = min(mode.connections, server.most_connections)
        launch = Launch(options.programs, free_port(), mode, scratch, connections + mode.others_count)
        environment = {key: value for key, value in os.environ.items() if not key.startswith("FORKER_")}
        environment.update(FORKER_WORKERS=str(mode.workers), FORKER_LOG_LEVEL="error" if mode.workers > 1 else "warn")
        for option, value in (*server.options, *mode.options):
            environment[f"FORKER_{option.upper()}"] = value.format(scratch=scratch)
        process = subprocess.Popen(
            ["taskset", "-c", str(options.core), *server.command(launch)],
            env=environment,
            stdout=sys.stderr,
            start_new_session=True,
        )
        try:
            upload = os.path.join(scratch, "upload")
            yield Running(process, launch.port, wait_until_it_serves(process, launch.port, mode, upload), upload)
        finally:
            stop(name, process)


def stop(name, process):
    process.terminate()
    try:
        process.wait(STOP_LIMIT)
    except subprocess.TimeoutExpired:
        print(f"{name}: still there {STOP_LIMIT} s after SIGTERM, killed", file=sys.stderr)
    with contextlib.suppress(ProcessLookupError):
        os.killpg(process.pid, signal.SIGKILL)  # its session has a process group of its own
    process.wait()
