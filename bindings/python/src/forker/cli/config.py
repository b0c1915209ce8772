"""Configuration files: Python, with the names that gunicorn has for the same things."""

from __future__ import annotations

import os
import runpy
import traceback
from typing import Any, NamedTuple

from .hook import HOOKS
from .setting import BY_NAME

DEFAULT_FILE = "gunicorn.conf.py"
# What is asked for elsewhere is here without asking.
BUILT_IN = {"max_requests_jitter": "workers are never replaced at the same time"}


class Config(NamedTuple):
    settings: dict[str, Any]
    hooks: dict[str, Any]
    unknown: list[str]


def read_config(path: str) -> Config:
    """Runs a configuration file. Raises ValueError for a wrong value, or if it fails, whose traceback is written; OSError.

    A setting that is None is not set, as in the files that gunicorn comes with.
    """
    config = Config({}, {}, [])
    for name, value in _run(path).items():
        if value is None:
            continue
        if name == "wsgi_app":
            config.settings[name] = value
        elif name in BY_NAME:
            try:
                config.settings[name] = BY_NAME[name].read(value)
            except ValueError as exc:
                raise ValueError(f"{path}: {name}: {exc}") from None
        elif name in HOOKS and callable(value):
            config.hooks[name] = value
        elif _is_setting(name, value):
            config.unknown.append(name)
    return config


def _run(path: str) -> dict[str, Any]:
    with open(path, "rb"):  # or else it is not to be read, and that is all there is to say
        pass
    try:
        return runpy.run_path(path, {"__file__": os.path.abspath(path)})
    except (Exception, SystemExit):  # it is not for the file to end the command
        traceback.print_exc()
        raise ValueError(f"{path} has failed") from None


def from_environment() -> dict[str, Any]:
    """The settings that variables of the environment give."""
    found = {}
    for variable, name in (("WEB_CONCURRENCY", "workers"), ("FORWARDED_ALLOW_IPS", "forwarded_allow_ips")):
        if os.environ.get(variable):
            try:
                found[name] = BY_NAME[name].read(os.environ[variable])
            except ValueError as exc:
                raise ValueError(f"{variable} in the environment: {exc}") from None
    return found


def _is_setting(name: str, value: Any) -> bool:
    """Whether a name of a file looks like a setting: modules, functions of the file's own and the like do not."""
    return not name.startswith("_") and name not in BUILT_IN and isinstance(value, (str, int, float, list, tuple, dict))
