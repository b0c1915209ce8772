"""From settings to a server that runs."""

from __future__ import annotations

import logging
import os
import time
import traceback
from typing import Any

import forker
import forker.asgi
import forker.wsgi

from ..accel import accel
from .accesslog import FORMS, AccessLog
from .hook import Hook, Process, log_to, register
from .logconfig import ACCESS_LOGGER, LOGGER, configure_logging
from .loading import LoadError, interface_of, load, probe_interface
from .preload import prepare_forks
from .reloader import Reloader
from .setting import CLASSES, DEFAULT_BIND, SETTINGS

_PORT = 8000
_PORT_MOST = 65535
_BOOT_TIMEOUT = "60s"  # of workers that import the application


class Serving:
    """One run of the command."""

    def __init__(self, name: str, settings: dict[str, Any], hooks: dict[str, Hook]) -> None:
        self._name = name
        self._settings = settings
        self._hooks = hooks
        self._application: Any = None
        self._preload = settings["preload_app"] and not settings["reload"]

    def check(self) -> None:
        """Finds out what is wrong without serving. Raises what is."""
        with self._make_server() as server:
            self._addresses()
            self._load_first()
            self._mount(server, self._find_interface())

    def print_config(self) -> None:
        """Prints all settings, and all options as the library would use them."""
        for name, value in sorted(self._settings.items()):
            print(f"{name:24} {value!r}")
        with self._make_server() as server:
            for option in forker.options():
                print(f"{option.name:24} {server.option(option.name)}")

    def run(self) -> bool:
        """Serves until stopped. False: the server has failed, and the log says why. Raises what keeps it from being run."""
        with self._make_server() as server:
            log_to(server)
            if accel is None:
                server.log(forker.LOG_INFO, "without forker._accel: the same, but slower")
            if "on_starting" in self._hooks:
                self._hooks["on_starting"](Process(self._settings))
            for address in self._addresses():
                server.listen(address)
            if self._preload:
                self._load_first()
            self._mount(server, self._find_interface())
            if self._preload:
                prepare_forks(server)
            try:
                server.run()
            except forker.Error:
                return False
            if "on_exit" in self._hooks:
                self._hooks["on_exit"](Process(self._settings))
        return True

    def _make_server(self) -> forker.Server:
        settings = self._settings
        server = forker.Server()
        if settings["logconfig"] is not None:
            configure_logging(settings["logconfig"])
            server.set_log(logging.getLogger(LOGGER))
        if not self._preload:
            server.set_option("boot_timeout", _BOOT_TIMEOUT)
        for setting in SETTINGS:
            value = settings[setting.name]
            if setting.option is not None and value is not None:
                server.set_option(setting.option, value)
        self._set_access_log(server)
        self._set_options(server)
        if settings["certfile"] is None and settings["keyfile"] is not None:
            raise ValueError("--keyfile is the key of a certificate, and --certfile is not given")
        if settings["certfile"] is not None:
            server.certificate(settings["certfile"], settings["keyfile"] or settings["certfile"])
        return server

    def _set_options(self, server: forker.Server) -> None:
        for assignment in self._settings["options"]:
            name, _, value = assignment.partition("=")
            server.set_option(name.strip(), value.strip())

    def _set_access_log(self, server: forker.Server) -> None:
        file, log_format = self._settings["accesslog"], self._settings["access_log_format"]
        if file is None and self._settings["access_log"]:
            file = "-"
        if file is None:
            return
        is_own = log_format not in FORMS
        server.set_option("access_log", "json" if is_own else log_format)
        if is_own or file == "-" or self._settings["logconfig"] is not None:
            to_logger = file == "-" and self._settings["logconfig"] is not None
            logger = logging.getLogger(ACCESS_LOGGER) if to_logger else None
            log = AccessLog(file, log_format if is_own else None, lambda text: server.log(forker.LOG_WARN, text), logger)
            server.set_access_log(log.write)
            server.on_reopen(log.reopen)
            server._add_hook("worker_exit", lambda worker: log.tell_lost())
        else:
            server.set_option("access_log_file", file)

    def _find_interface(self) -> str:
        """What the application speaks. Routes are made before the workers are forked, who may be the first to import it."""
        settings = self._settings
        if settings["interface"] != "auto":
            return str(settings["interface"])
        if settings["worker_class"] is not None:
            return CLASSES[settings["worker_class"]]
        if self._application is not None:
            return interface_of(self._application)
        return probe_interface(self._name, settings["factory"])

    def _mount(self, server: forker.Server, interface: str) -> None:
        settings = self._settings
        path = settings["root_path"].rstrip("/")
        proxies = settings["forwarded_allow_ips"] if settings["proxy_headers"] else []
        for prefix, directory in settings["static"]:
            server.static(prefix, directory)
        if interface == "wsgi":
            wsgi = self._call if self._application is None else self._application
            forker.wsgi.mount(server, wsgi, path, threads=settings["threads"], forwarded_allow_ips=proxies)
        elif settings["threads"] != 1:
            raise ValueError(f"--threads is for WSGI, and {self._name} speaks ASGI: its event loop is the worker's main thread")
        else:
            forker.asgi.mount(
                server,
                self._call_asgi if self._application is None else self._application,
                root_path=path,
                loop=settings["loop"],
                lifespan=settings["lifespan"],
                forwarded_allow_ips=proxies,
            )
        self._set_options(server)  # they win over what that has set
        register(server, self._hooks, settings)
        reloader = Reloader(
            server, settings["reload_extra_files"], settings["reload_includes"], settings["reload_excludes"]
        )

        @server.worker_init
        def begin(worker: int) -> None:
            begun_ns = time.time_ns()
            if not self._preload:
                self._load()
            if "post_worker_init" in self._hooks:
                self._hooks["post_worker_init"](Process(settings, worker))
            if settings["reload"] and worker == 0:
                reloader.start(begun_ns)

    def _load(self) -> None:
        self._application = load(self._name, self._settings["factory"])

    def _load_first(self) -> None:
        """The same where there is no log yet that would say what the application's code has raised."""
        try:
            self._load()
        except LoadError:
            raise
        except Exception:
            traceback.print_exc()
            raise LoadError(f"{self._name} cannot be imported") from None

    def _call(self, environ: Any, start_response: Any) -> Any:
        return self._application(environ, start_response)

    def _call_asgi(self, scope: Any, receive: Any, send: Any) -> Any:
        return self._application(scope, receive, send)

    def _addresses(self) -> list[str]:
        settings = self._settings
        addresses = list(settings["bind"] or ())
        if settings["host"] is not None or settings["port"] is not None:
            host = settings["host"] or "127.0.0.1"
            addresses.append(f"{f'[{host}]' if ':' in host else host}:{_PORT if settings['port'] is None else settings['port']}")
        if settings["uds"] is not None:
            addresses.append(f"unix:{settings['uds']}")
        if settings["fd"] is not None:
            addresses.append(f"fd:{settings['fd']}")
        if not addresses:
            port = os.environ.get("PORT")
            addresses.append(f"0.0.0.0:{port}" if port else DEFAULT_BIND)
        return [self._address(address) for address in addresses]

    def _address(self, address: str) -> str:
        address = address.removeprefix("tcp://")
        if address.startswith("fd://"):
            address = f"fd:{address.removeprefix('fd://')}"
        is_tcp = not address.startswith(("unix:", "fd:", "systemd"))
        if is_tcp and ":" not in address:
            address = f"{address}:{_PORT}"
        port = address.partition("?")[0].rpartition(":")[2]
        if is_tcp and not (port.isascii() and port.isdecimal() and int(port) <= _PORT_MOST):
            raise ValueError(f"{address}: the port is not a number from 0 to {_PORT_MOST}")
        return f"{address}?tls=on" if is_tcp and self._settings["certfile"] is not None else address
