"""Servers for Python applications, which all serve those of bench/peers: how each is started, on one worker.

BENCH_PYTHONPATH names directories of further Python packages: newer versions, or what Debian lacks.
"""

import os
import pathlib
import subprocess

HERE = pathlib.Path(__file__).resolve().parent
PEERS = HERE / "peers"
PYTHON = "/usr/bin/python3"  # Debian's, which has Debian's servers
# What modes ask for, and the application that is served then.
WSGI = {"wsgi": "application:wsgi", "wsgi-json": "application:wsgi", "flask": "greeting_flask:application", "django": "greeting_django:application"}
ASGI = {"asgi": "application:asgi", "asgi-json": "application:asgi", "fastapi": "greeting_fastapi:application"}
CALLS = "calls"  # of gRPC
BESIDE = [path for path in os.environ.get("BENCH_PYTHONPATH", "").split(":") if path]


def application(launch):
    return {**WSGI, **ASGI}[launch.mode.needs]


def environment(*assignments):
    """env(1), with which the command begins: the servers' own variables are not those of the benchmark."""
    return ["env", f"PYTHONPATH={':'.join([str(PEERS), str(HERE.parent / 'bindings/python/src'), *BESIDE])}", *assignments]


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
    options = ["--port", str(launch.port), "--no-access-log", "--loop", "uvloop", "--http", "httptools", "--ws", "none"]
    return [*environment(), PYTHON, "-m", "uvicorn", "--log-level", "warning", *options, application(launch)]


def hypercorn(launch):
    options = ["--bind", f"127.0.0.1:{launch.port}", "--worker-class", "uvloop"]
    return [*environment(), PYTHON, "-m", "hypercorn", *options, application(launch)]


def uwsgi(launch):
    options = ["--http11-socket", f"127.0.0.1:{launch.port}", "--master", "--processes", "1", "--disable-logging", "--so-keepalive"]
    plugin = ["--plugin", "python3", "--pythonpath", str(PEERS), "--module", application(launch)]
    return [*environment(), "uwsgi", *plugin, *options, "--die-on-term"]


def bjoern(launch):
    module, _, name = application(launch).partition(":")
    program = f"import bjoern, {module}; bjoern.run({module}.{name}, '127.0.0.1', {launch.port})"
    return [*environment(), PYTHON, "-c", program]


def fastpysgi(launch):
    options = ["--host", "127.0.0.1", "--port", str(launch.port)]
    return [*environment(), PYTHON, "-c", "import fastpysgi; fastpysgi.run_from_cli()", *options, application(launch)]


def is_beside(module):
    """Whether a package is in one of those directories."""
    found = (pathlib.Path(path, name) for path in BESIDE for name in (f"{module}.py", module))
    return any(path.exists() for path in found)


def version_beside(module):
    """What is told of such a package. "": nothing."""
    ask = f"import importlib.metadata, {module}; print(getattr({module}, '__version__', '') or importlib.metadata.version('{module}'))"
    return subprocess.run([*environment(), PYTHON, "-c", ask], capture_output=True, text=True, check=False).stdout.strip()


# Name: command, package of Debian (None: this project's), what it serves.
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
    "uwsgi": (uwsgi, "uwsgi-core", {*WSGI}),
}
# The same for packages that Debian lacks, which are compared if they are in one of those directories. Debian's hypercorn,
# 0.13.2, closes each connection behind the response of an application that does not wait, without having said so.
PYTHONS_BESIDE = {"bjoern": (bjoern, {*WSGI}), "fastpysgi": (fastpysgi, {*WSGI, *ASGI}), "hypercorn": (hypercorn, {*ASGI})}
# Python's name of those of Debian's packages that may be there in another version.
MODULES = {"gunicorn": "gunicorn", "python3-uvicorn": "uvicorn"}
