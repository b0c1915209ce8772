"""The settings of the command: their names in configuration files, options of the command line, and meaning.

Where gunicorn or uvicorn has the same thing, it has the same name here.
"""

from __future__ import annotations

import argparse
import math
from collections.abc import Callable, Iterable
from typing import Any, NamedTuple, Optional

from .accesslog import read_format

DEFAULT_BIND = "127.0.0.1:8000"
_LEVELS = {"debug": "debug", "info": "info", "warning": "warn", "error": "error", "critical": "error"}
# Classes of gunicorn's workers, and the interface that they are for.
CLASSES = {
    "sync": "wsgi",
    "gthread": "wsgi",
    "asgi": "asgi",
    "uvicorn.workers.UvicornWorker": "asgi",
    "uvicorn.workers.UvicornH11Worker": "asgi",
    "uvicorn_worker.UvicornWorker": "asgi",
    "uvicorn_worker.UvicornH11Worker": "asgi",
}
INTERFACES = ("auto", "wsgi", "asgi")


class Setting(NamedTuple):
    """One setting. `read` makes its value of text or of what a configuration file has, and raises ValueError."""

    name: str
    flags: tuple[str, ...]
    read: Callable[[Any], Any]
    help: str
    default: Any = None
    option: Optional[str] = None  # of the library, which gets the value; None: see serving.py


def number(value: Any) -> int:
    if isinstance(value, bool) or not str(value).isdecimal():
        raise ValueError(f"{value!r} is no number")
    return int(value)


def seconds(value: Any) -> str:
    """A duration in seconds, in the form of the library's options."""
    try:
        length = float(value)
    except (TypeError, ValueError):
        length = math.nan
    if isinstance(value, bool) or not 0 <= length < math.inf:
        raise ValueError(f"{value!r} is no number of seconds")
    milliseconds = round(length * 1000)
    return f"{milliseconds}ms" if milliseconds % 1000 else f"{milliseconds // 1000}s"


def limit(value: Any) -> str:
    """A duration in seconds of which 0 is none."""
    length = seconds(value)
    return "off" if length == "0s" else length


def count(value: Any) -> str:
    """A number of which 0 is no limit."""
    return str(number(value) or "off")


def text(value: Any) -> str:
    if not isinstance(value, str):
        raise ValueError(f"{value!r} is no text")
    return value


def texts(value: Any) -> list[str]:
    """Several texts, or some that are separated by commas."""
    if isinstance(value, str):
        return [part.strip() for part in value.split(",") if part.strip()]
    if not isinstance(value, Iterable):
        raise ValueError(f"{value!r} is no list of texts")
    return [text(part) for part in value]


def switch(value: Any) -> bool:
    if not isinstance(value, bool):
        raise ValueError(f"{value!r} is neither True nor False")
    return value


def one_of(*choices: str) -> Callable[[Any], str]:
    def read(value: Any) -> str:
        if value not in choices:
            raise ValueError(f"{value!r} is none of {', '.join(choices)}")
        return str(value)

    return read


def workers(value: Any) -> str:
    return "auto" if value == "auto" else str(number(value))


def level(value: Any) -> str:
    return _LEVELS[one_of(*_LEVELS)(str(value).lower())]


def worker_class(value: Any) -> str:
    if value not in CLASSES:
        known = ", ".join(CLASSES)
        raise ValueError(f"{value!r} is no class of workers here: {known}; see --interface and --threads")
    return str(value)


def static(value: Any) -> list[tuple[str, str]]:
    """Prefixes of paths, and directories whose files are served there: "/static=assets"; "=assets" is all below "/"."""
    served = []
    for assignment in [value] if isinstance(value, str) else texts(value):
        prefix, equals, directory = assignment.partition("=")
        if not equals or not directory or (prefix and not prefix.startswith("/")):
            raise ValueError(f"{assignment!r} is not PREFIX=DIRECTORY, such as /static=assets")
        served.append((prefix.rstrip("/"), directory))
    return served


def log_file(value: Any) -> str:
    """The name of a file; "-" is stderr."""
    return "" if value in ("-", None) else text(value)


SETTINGS = (
    Setting("bind", ("-b", "--bind"), texts, "where to listen: host:port, unix:/path, fd://N, systemd; repeatable "
            f"(default: 0.0.0.0:$PORT, else {DEFAULT_BIND})"),
    Setting("host", ("--host",), text, "the host to listen on, with --port"),
    Setting("port", ("--port",), number, "the port to listen on, with --host"),
    Setting("uds", ("--uds",), text, "the unix socket to listen on, as --bind unix:PATH"),
    Setting("fd", ("--fd",), number, "the open socket to listen on, as --bind fd://N"),
    Setting("workers", ("-w", "--workers"), workers, "worker processes, or auto (default: $WEB_CONCURRENCY, else auto)",
            option="workers"),
    Setting("threads", ("--threads",), number, "threads of each worker that call a WSGI application (default: 1, its main one)", 1),
    Setting("worker_class", ("-k", "--worker-class"), worker_class, "gunicorn's names; --interface and --threads are enough"),
    Setting("interface", ("--interface",), one_of(*INTERFACES), "wsgi, asgi, or auto: what APP looks like (default)", "auto"),
    Setting("loop", ("--loop",), one_of("auto", "asyncio", "uvloop"), "the event loop of ASGI: asyncio, uvloop, or auto: "
            "uvloop if it is installed (default)", "auto"),
    Setting("lifespan", ("--lifespan",), one_of("auto", "on", "off"), "whether an ASGI application is told of the beginning "
            "and the end of its worker: on, off, or auto: if it knows what that is (default)", "auto"),
    Setting("factory", ("--factory",), switch, "APP is called without arguments and gives the application", False),
    Setting("root_path", ("--root-path",), text, "the path that the application is below: its SCRIPT_NAME or root_path", ""),
    Setting("chdir", ("--chdir",), text, "the directory to work in, from where APP is imported"),
    Setting("pythonpath", ("--pythonpath",), texts, "directories to import from, separated by commas", []),
    Setting("raw_env", ("-e", "--env"), texts, "NAME=VALUE for the environment; repeatable", []),
    Setting("preload_app", ("--preload",), switch, "whether APP is imported once, before workers are forked (default), "
            "or in each of them", True),
    Setting("reload", ("--reload",), switch, "reload when a file of the program changes; implies --no-preload", False),
    Setting("reload_includes", ("--reload-include",), texts, "patterns of files to watch in the directories of --reload-dir, "
            "by default the working directory; repeatable", []),
    Setting("reload_excludes", ("--reload-exclude",), texts, "patterns of files and directories not to watch; repeatable", []),
    Setting("reload_extra_files", ("--reload-extra-file", "--reload-dir"), texts,
            "files and directories to watch besides; repeatable", []),
    Setting("max_requests", ("--max-requests", "--limit-max-requests"), count, "requests after which a worker is replaced, and up to a tenth more",
            option="max_requests"),
    Setting("timeout", ("-t", "--timeout"), limit, "seconds that a request may hold up a worker's main thread until "
            "the worker is killed (default: no limit)", option="hang_timeout"),
    Setting("graceful_timeout", ("--graceful-timeout", "--timeout-graceful-shutdown"), seconds,
            "seconds that requests have to be finished when a worker or the server stops", option="drain_timeout"),
    Setting("keepalive", ("--keep-alive", "--timeout-keep-alive"), seconds, "seconds that a connection is kept without a request",
            option="idle_timeout"),
    Setting("backlog", ("--backlog",), number, "connections that wait in a listening socket", option="backlog"),
    Setting("reuse_port", ("--reuse-port",), switch, "one listening socket for each worker (SO_REUSEPORT)",
            option="reuseport"),
    Setting("limit_request_line", ("--limit-request-line",), number, "bytes of a request's target", option="max_target"),
    Setting("limit_request_fields", ("--limit-request-fields",), number, "header fields of a request", option="max_fields"),
    Setting("accesslog", ("--access-logfile",), text, "the file of the access log; - is stdout"),
    Setting("access_log", ("--access-log",), switch, "as --access-logfile -, if that is not given", False),
    Setting("access_log_format", ("--access-logformat",), read_format, "common, combined, json, or a format of "
            "gunicorn's (default: combined)", "combined"),
    Setting("errorlog", ("--error-logfile", "--log-file"), log_file, "the file of the log; - is stderr", option="error_log"),
    Setting("loglevel", ("--log-level",), level, "debug, info, warning, error or critical", option="log_level"),
    Setting("logconfig", ("--log-config",), text, "a configuration of Python's logging, as ini, .json or .yaml: the log goes to "
            "its logger forker.error, the access log to forker.access"),
    Setting("proxy_headers", ("--proxy-headers",), switch, "whether any proxy is believed, see --forwarded-allow-ips (default)", True),
    Setting("static", ("--static",), static, "PREFIX=DIRECTORY: its files are served there by the library, without Python; repeatable", []),
    Setting("forwarded_allow_ips", ("--forwarded-allow-ips",), texts, "addresses of proxies whose X-Forwarded-Proto is "
            "believed, or * (default: $FORWARDED_ALLOW_IPS, else 127.0.0.1,::1)", ["127.0.0.1", "::1"]),
    Setting("certfile", ("--certfile", "--ssl-certfile"), text, "a certificate chain (PEM): all TCP addresses speak TLS"),
    Setting("keyfile", ("--keyfile", "--ssl-keyfile"), text, "its key (PEM)"),
    Setting("pidfile", ("-p", "--pid"), text, "the file for the process's number", option="pid_file"),
    Setting("user", ("-u", "--user"), lambda value: str(value), "who the workers are, if root starts them", option="user"),
    Setting("group", ("-g", "--group"), lambda value: str(value), "their group", option="group"),
    Setting("options", ("-o", "--option"), texts, "NAME=VALUE for any option of the library; repeatable", []),
    Setting("check", ("--check", "--check-config"), switch, "say whether the settings and APP are fine, and exit", False),
    Setting("print_config", ("--print-config",), switch, "print all settings and options, and exit", False),
)  # fmt: skip

BY_NAME = {setting.name: setting for setting in SETTINGS}
# Given several times, each adds to the ones before.
_REPEATED = ("bind", "raw_env", "options", "static", "reload_extra_files", "reload_includes", "reload_excludes")
# Uvicorn has "--no-" before these too, whatever the default is.
_NEGATED = ("access_log",)


class _Store(argparse.Action):
    def __call__(self, parser: Any, namespace: Any, values: Any, option_string: Any = None) -> None:
        setting = BY_NAME[self.dest]
        repeated = self.dest in _REPEATED
        try:
            value = setting.read([values] if repeated else values)
        except ValueError as exc:
            raise argparse.ArgumentError(self, str(exc)) from None
        setattr(namespace, self.dest, [*getattr(namespace, self.dest, []), *value] if repeated else value)


def make_parser() -> argparse.ArgumentParser:
    """The parser of the command line. Its result has only what was given."""
    parser = argparse.ArgumentParser(
        prog="python3 -m forker",
        usage="python3 -m forker [options] [MODULE:APP]",
        description="Serves a WSGI or ASGI application on every core.",
        argument_default=argparse.SUPPRESS,
        allow_abbrev=False,
    )
    parser.add_argument("wsgi_app", metavar="MODULE:APP", nargs="?", help="the application: shop.wsgi:application; or "
                        "shop:make_app() for what a function gives; :application may be left out")  # fmt: skip
    parser.add_argument("-c", "--config", metavar="FILE", help="a configuration file in Python, as gunicorn has them "
                        "(default: gunicorn.conf.py, if there is one)")  # fmt: skip
    for setting in SETTINGS:
        if setting.read is switch:
            is_on = setting.default is True or setting.name in _NEGATED
            action: Any = argparse.BooleanOptionalAction if is_on else "store_true"
            parser.add_argument(*setting.flags, dest=setting.name, action=action, help=setting.help)
        else:
            metavar = setting.flags[-1].rsplit("-", 1)[-1].upper()
            parser.add_argument(*setting.flags, dest=setting.name, action=_Store, metavar=metavar, help=setting.help)
    return parser
