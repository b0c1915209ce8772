"""What granian's tests take for granian: its options start the server that FORKER_SUITE_SERVER names.

It is a pytest plugin too, by which those of unix sockets wait until they are served, instead of 1.5 s.
"""

import contextlib
import os
import socket
import sys
import time

import pytest

EXPIRES = 86400  # seconds that granian has files kept for
SOCKET = "granian.sock"
START_LIMIT = 30  # seconds


@pytest.hookimpl(hookwrapper=True)
def pytest_fixture_setup(fixturedef, request):
    yield
    if fixturedef.argname.endswith(("_server", "server_tls")) and request.module.__name__.endswith("test_uds"):
        start, key, error = fixturedef.cached_result
        fixturedef.cached_result = (serving(start), key, error)


def serving(start):
    @contextlib.asynccontextmanager
    async def started(*arguments, **options):
        with contextlib.suppress(FileNotFoundError):
            os.unlink(SOCKET)
        async with start(*arguments, **options):
            until = time.monotonic() + START_LIMIT
            while not accepts() and time.monotonic() < until:
                time.sleep(0.05)
            yield

    return started


def accepts():
    with socket.socket(socket.AF_UNIX) as probe, contextlib.suppress(FileNotFoundError, ConnectionRefusedError):
        probe.connect(SOCKET)
        return True
    return False


class Granian:
    def __init__(self, target, **options):
        self._target = target
        self._options = options

    def serve(self):
        """Becomes the server, which the test ends."""
        make = {"forker": self._forker, "uvicorn": self._uvicorn}[os.environ["FORKER_SUITE_SERVER"]]
        os.execv(sys.executable, [sys.executable, "-m", *make(), self._target])

    def _forker(self):
        options = self._options
        address = f"unix:{options['uds']}" if "uds" in options else f"127.0.0.1:{options['port']}"
        command = ["forker", "-w", "1", "--interface", options["interface"], "--loop", options["loop"], *self._files()]
        if options["interface"] == "wsgi" and options["runtime_mode"] == "mt":
            command += ["--threads", "4"]
        if "ssl_cert" in options:
            command += ["--certfile", str(options["ssl_cert"]), "--keyfile", str(options["ssl_key"])]
            address += "?tls=on" if "uds" in options else ""
        if "ssl_protocol_min" in options:
            command += ["-o", f"tls_min_version={options['ssl_protocol_min'].removeprefix('tls')}"]
        if "uds_permissions" in options:
            address += f"?mode={options['uds_permissions']:04o}"
        return [*command, "-b", address]

    def _files(self):
        routes = self._options.get("static_path_route", ["/static"])
        command = []
        for route, directory in zip(routes, self._options.get("static_path_mount", [])):
            command += ["--static", f"{route}={directory}", "-o", f"static_cache_control=*=max-age={EXPIRES}"]
        if "static_path_dir_to_file" in self._options:
            command += ["-o", f"static_index={self._options['static_path_dir_to_file']}"]
        return command

    def _uvicorn(self):
        options = self._options
        address = ["--uds", str(options["uds"])] if "uds" in options else ["--port", str(options["port"])]
        tls = ["--ssl-certfile", str(options["ssl_cert"]), "--ssl-keyfile", str(options["ssl_key"])] if "ssl_cert" in options else []
        return ["uvicorn", "--interface", {"asgi": "asgi3", "wsgi": "wsgi"}[options["interface"]], *address, *tls]
