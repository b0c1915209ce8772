"""A pytest plugin: the servers that the suite would start in containers are the one that FORKER_SUITE_URL names."""

import os

import pytest


@pytest.hookimpl(tryfirst=True)
def pytest_fixture_setup(fixturedef, request):
    if fixturedef.argname != "docker_services":
        return None
    url = os.environ["FORKER_SUITE_URL"]
    value = {f"{server}_{scheme}": url for server in ("gunicorn", "nginx") for scheme in ("http", "https")}
    fixturedef.cached_result = (value, fixturedef.cache_key(request), None)
    return value
