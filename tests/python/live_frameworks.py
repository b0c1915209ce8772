"""A pytest plugin: the applications that the suite would start in containers are at the URLs in FORKER_SUITE_URLS, by name.

Those that are not there are left out.
"""

import json
import os

import pytest

URLS = json.loads(os.environ["FORKER_SUITE_URLS"])
VALUES = {
    "docker_services": lambda request: URLS,  # anything but None, by which pytest would know that nobody has made it
    "framework_url": lambda request: URLS[request.getfixturevalue("framework")],
}


@pytest.hookimpl(tryfirst=True)
def pytest_fixture_setup(fixturedef, request):
    if fixturedef.argname not in VALUES:
        return None
    value = VALUES[fixturedef.argname](request)
    fixturedef.cached_result = (value, fixturedef.cache_key(request), None)
    return value


@pytest.hookimpl
def pytest_collection_modifyitems(config, items):
    missing = [item for item in items if item.callspec.params["framework"] not in URLS]
    config.hook.pytest_deselected(items=missing)
    items[:] = [item for item in items if item not in missing]
