"""A pytest plugin: Starlette's test_client_factory gives clients of a live server, which FORKER_SUITE_SERVER names."""

import contextlib
import os
import threading
import time

import httpx
import pytest

import forker.testing


@contextlib.contextmanager
def served_by_uvicorn(app):
    import uvicorn

    server = uvicorn.Server(uvicorn.Config(app, port=0, log_level="error"))
    thread = threading.Thread(target=server.run)
    thread.start()
    while not server.started and thread.is_alive():
        time.sleep(0.01)
    try:
        if not thread.is_alive():
            raise RuntimeError("the application's lifespan has failed")
        host, port = server.servers[0].sockets[0].getsockname()
        yield f"{host}:{port}"
    finally:
        server.should_exit = True
        thread.join()


@contextlib.contextmanager
def served_by_forker(app):
    with forker.testing.serve(app) as client:
        yield client.address


SERVED_BY = {"forker": served_by_forker, "uvicorn": served_by_uvicorn}


class LiveClient(httpx.Client):
    """What the tests take for Starlette's TestClient. `stack` ends it with the test."""

    def __init__(self, stack, app, base_url="http://testserver", headers=None, cookies=None, follow_redirects=True, **_others):
        address = stack.enter_context(SERVED_BY[os.environ["FORKER_SUITE_SERVER"]](app))
        own = {"Host": httpx.URL(base_url).netloc.decode(), "User-Agent": "testclient", **(headers or {})}
        super().__init__(base_url=f"http://{address}", headers=own, cookies=cookies, follow_redirects=follow_redirects)
        stack.callback(self.close)


@pytest.hookimpl(tryfirst=True)
def pytest_fixture_setup(fixturedef, request):
    if fixturedef.argname != "test_client_factory":
        return None
    stack = contextlib.ExitStack()
    request.addfinalizer(stack.close)
    value = lambda app, *arguments, **named: LiveClient(stack, app, *arguments, **named)  # noqa: E731
    fixturedef.cached_result = (value, fixturedef.cache_key(request), None)
    return value
