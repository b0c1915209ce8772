"""A pytest plugin: the fixtures of Werkzeug's tests give a server that FORKER_SUITE_SERVER names, instead of its own."""

import http.client
import json
import os
import pathlib
import socket
import subprocess
import sys
import time

import pytest

START_LIMIT = 30  # seconds
COMMANDS = {
    "forker": lambda address, application: ["-m", "forker", "-w", "1", "-b", address, application],
    "gunicorn": lambda address, application: ["-m", "gunicorn", "-w", "1", "-b", address, application],
}


class UnixConnection(http.client.HTTPConnection):
    def connect(self):
        self.sock = socket.socket(socket.AF_UNIX)
        self.sock.connect(self.host)


class Client:
    """What the tests ask of their client."""

    def __init__(self, address, log):
        self.is_unix = address.startswith("unix:")
        self.addr = address.partition(":")[2] if self.is_unix else address
        self.url = address if self.is_unix else f"http://{address}"
        self.log = log

    def connect(self, **options):
        return UnixConnection(self.addr) if self.is_unix else http.client.HTTPConnection(self.addr, **options)

    def request(self, path="", **options):
        connection = self.connect()
        connection.request(**{"method": "GET", "url": path, **options})
        with connection.getresponse() as response:
            response.data = response.read()
        connection.close()
        is_json = response.headers.get("Content-Type", "").startswith("application/json")
        response.json = json.loads(response.data) if is_json else None
        return response


def free_address():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return f"127.0.0.1:{probe.getsockname()[1]}"


def wait_until_it_serves(client, process):
    until = time.monotonic() + START_LIMIT
    while True:
        try:
            client.connect().connect()
            return
        except OSError:
            if process.poll() is not None or time.monotonic() > until:
                raise
            time.sleep(0.05)


@pytest.fixture
def dev_server(request, tmp_path):
    applications = pathlib.Path(request.fspath).parent / "live_apps"

    def start(name="standard", hostname=None, **_others):
        address = hostname.replace("unix://", "unix:") if hostname is not None else free_address()
        command = COMMANDS[os.environ["FORKER_SUITE_SERVER"]](address, f"{name}_app:app")
        with (tmp_path / "log").open("wb") as log:
            process = subprocess.Popen([sys.executable, *command], cwd=applications, stdout=log, stderr=log)
        request.addfinalizer(process.wait)
        request.addfinalizer(process.terminate)
        reader = (tmp_path / "log").open()
        request.addfinalizer(reader.close)
        client = Client(address, reader)
        wait_until_it_serves(client, process)
        return client

    return start


@pytest.fixture
def standard_app(dev_server):
    return dev_server()
