"""Servers for Python applications, which all serve those of bench/peers: how each is started, on one worker."""

import pathlib

HERE = pathlib.Path(__file__).resolve().parent
PEERS = HERE / "peers"
PYTHON = "/usr/bin/python3"  # Debian's, which has Debian's servers
# What modes ask for, and the application that is served then.
WSGI = {"wsgi": "application:wsgi", "wsgi-json": "application:wsgi", "flask": "greeting_flask:application", "django": "greeting_django:application"}
ASGI = {"asgi": "application:asgi", "asgi-json": "application:asgi", "fastapi": "greeting_fastapi:application"}
CALLS = "calls"  # of gRPC


def application(launch):
    return {**WSGI, **ASGI}[launch.mode.needs]


def environment(*assignments):
    """env(1), with which the command begins: the servers' own variables are not those of the benchmark."""
    return ["env", f"PYTHONPATH={PEERS}:{HERE.parent / 'bindings/python/src'}", *assignments]


def forker(accel):
    def command(launch):
        variables = environment(f"FORKER_LIBRARY={launch.programs.parent / 'libforker.so.0'}", f"FORKER_ACCEL={accel}")
        address = f"127.0.0.1:{launch.port}"
        return [*variables, PYTHON, "-m", "forker", "-w", "1", "-b", address, application(launch)]

    return command


def calls(kind):
    def command(launch):
        variables = environment(f"FORKER_LIBRARY={launch.programs.parent / 'libforker.so.0'}")
        return [*variables, PYTHON, PEERS / "calls.py", kind, str(launch.port)]

    return command


def gunicorn(*kind):
    def command(launch):
        options = ["--bind", f"127.0.0.1:{launch.port}", "--workers", "1", *kind]
        return [*environment(), PYTHON, "-m", "gunicorn", *options, application(launch)]

    return command


def uvicorn(launch):
    options = ["--port", str(launch.port), "--no-access-log", "--loop", "uvloop", "--http", "httptools"]
    return [*environment(), PYTHON, "-m", "uvicorn", "--log-level", "warning", *options, application(launch)]


def hypercorn(launch):
    options = ["--bind", f"127.0.0.1:{launch.port}", "--worker-class", "uvloop"]
    return [*environment(), PYTHON, "-m", "hypercorn", *options, application(launch)]


def uwsgi(launch):
    options = ["--http11-socket", f"127.0.0.1:{launch.port}", "--master", "--processes", "1", "--disable-logging", "--so-keepalive"]
    plugin = ["--plugin", "python3", "--pythonpath", str(PEERS), "--module", application(launch)]
    return [*environment(), "uwsgi", *plugin, *options, "--die-on-term"]


# Name: command, Debian's package (None: this project's), what it serves.
PYTHONS = {
    "forker": (forker(1), None, {*WSGI, *ASGI}),
    "forker-ctypes": (forker(0), None, {*WSGI, *ASGI}),
    "forker-grpc": (calls("forker"), None, {CALLS}),
    "forker-grpc-inline": (calls("forker-inline"), None, {CALLS}),
    "grpcio": (calls("grpcio"), "python3-grpcio", {CALLS}),
    "gunicorn": (gunicorn("--worker-class", "sync"), "gunicorn", {*WSGI}),
    "gunicorn-gthread": (gunicorn("--worker-class", "gthread", "--threads", "4"), "gunicorn", {*WSGI}),
    "gunicorn-uvicorn": (gunicorn("--worker-class", "uvicorn.workers.UvicornWorker"), "gunicorn", {*ASGI}),
    "uvicorn": (uvicorn, "python3-uvicorn", {*ASGI}),
    "hypercorn": (hypercorn, "python3-hypercorn", {*ASGI}),
    "uwsgi": (uwsgi, "uwsgi-core", {*WSGI}),
}
