"""The command: ``python3 -m forker [options] MODULE:APP`` serves a WSGI or ASGI application.

``python3 -m forker --help`` lists the options. Those that gunicorn has too have its names, and its configuration files
are read. What is not given by an option is taken from the configuration file, then from variables of the environment.

By default the application is imported once, before the workers are forked, and shared by them; ``--no-preload`` imports
it in each worker. So after SIGHUP the workers are new, but their code is the old one unless ``--no-preload`` is given;
SIGUSR2 starts everything anew, with new code and without losing a request.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Sequence
from typing import Any, Optional

from ..error import Error
from .config import DEFAULT_FILE, Config, from_environment, read_config
from .loading import LoadError
from .serving import Serving
from .setting import SETTINGS, make_parser


def main(arguments: Optional[Sequence[str]] = None) -> int:
    """Runs the command, and returns its exit status: 1 if the server failed, 2 if it could not be set up."""
    parser = make_parser()
    given: dict[str, Any] = vars(parser.parse_args(arguments))
    try:
        config = _read(given.pop("config", None))
        settings = {setting.name: setting.default for setting in SETTINGS}
        settings.update({**from_environment(), **config.settings, **given})
        name = settings.pop("wsgi_app", None)
        if name is None:
            parser.error("which application? MODULE:APP is missing")
        _enter(settings)
        serving = Serving(name, settings, config.hooks)
        if settings["print_config"]:
            serving.print_config()
        elif settings["check"]:
            serving.check()
        elif not serving.run():
            return 1
        return 0
    except (Error, LoadError, OSError, ValueError) as exc:
        _complain(str(exc))
        return 2


def _read(path: Optional[str]) -> Config:
    """The configuration file that was named, or the one that is there."""
    if path is None:
        if not os.path.exists(DEFAULT_FILE):
            return Config({}, {}, [])
        path = DEFAULT_FILE
    config = read_config(path.removeprefix("file:"))
    if config.unknown:
        _complain(f"warning: {path}: not known here: {', '.join(config.unknown)}")
    return config


def _enter(settings: dict[str, Any]) -> None:
    """Makes the process what the application expects."""
    if settings["chdir"] is not None:
        os.chdir(settings["chdir"])
    sys.path[:0] = [os.path.abspath(path) for path in settings["pythonpath"]]
    if os.getcwd() not in sys.path:
        sys.path.insert(0, os.getcwd())
    for assignment in settings["raw_env"]:
        name, equals, value = assignment.partition("=")
        if not name or not equals:
            raise ValueError(f"{assignment!r} is not NAME=VALUE")
        os.environ[name] = value


def _complain(text: str) -> None:
    print(f"forker: {text}", file=sys.stderr, flush=True)
