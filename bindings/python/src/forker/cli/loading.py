"""The application: from its name to the object."""

from __future__ import annotations

import ast
import contextlib
import functools
import importlib
import inspect
import os
import sys
import traceback
from typing import Any, NoReturn


class LoadError(Exception):
    """There is no such application, or it is none."""


def load(name: str, factory: bool) -> Any:
    """Imports "module:name", or the result of "module:name(arguments)".

    Raises LoadError, or what the module raises, but for SystemExit: the command would end with a status of the module's.
    """
    try:
        return _load(name, factory)
    except SystemExit as exc:
        raise RuntimeError(f"{name} has called sys.exit({'' if exc.code is None else repr(exc.code)})") from exc


def _load(name: str, factory: bool) -> Any:
    module_name, _, expression = name.partition(":")
    if not module_name or module_name.startswith("."):
        raise LoadError(f"{name!r} is not MODULE:APP, such as shop.wsgi:application")
    try:
        module = importlib.import_module(module_name)
    except ModuleNotFoundError as exc:
        if exc.name is not None and (module_name == exc.name or module_name.startswith(f"{exc.name}.")):
            raise LoadError(f"there is no module {module_name!r}: {exc}") from None
        raise
    application = _evaluate(module, module_name, expression or "application")
    if factory:
        application = _call(name, application, (), {})
    if not callable(application):
        raise LoadError(f"{name} is {type(application).__name__}, which is no application")
    return application


def interface_of(application: Any) -> str:
    """What an application speaks: "asgi" or "wsgi"."""
    if inspect.isclass(application):
        return "asgi" if hasattr(application, "__await__") else "wsgi"
    while isinstance(application, functools.partial):
        application = application.func
    call = application if inspect.isroutine(application) else getattr(application, "__call__", None)
    return "asgi" if inspect.iscoroutinefunction(application) or inspect.iscoroutinefunction(call) else "wsgi"


def probe_interface(name: str, factory: bool) -> str:
    """The same for one that is not to be imported in this process: another one does it.

    Raises LoadError. What the application writes meanwhile is written.
    """
    reading, writing = os.pipe()
    pid = os.fork()
    if pid == 0:
        _tell_interface(name, factory, writing)
    os.close(writing)
    with open(reading, encoding="utf-8") as told:
        what = told.read()
    os.waitpid(pid, 0)
    kind, _, text = what.partition(" ")
    if kind == "failed":
        raise LoadError(text)
    if kind not in ("asgi", "wsgi"):
        raise LoadError(f"{name} cannot be imported: the process that tried to has ended")
    return kind


def _tell_interface(name: str, factory: bool, writing: int) -> NoReturn:
    """Ends the process."""
    what = ""
    try:
        what = interface_of(load(name, factory))
    except LoadError as exc:
        what = f"failed {exc}"
    except Exception:
        traceback.print_exc()
        what = f"failed {name} cannot be imported"
    finally:
        with contextlib.suppress(Exception):
            sys.stdout.flush()
            sys.stderr.flush()
        os.write(writing, what.encode("utf-8", "replace"))
        os._exit(0)


def _evaluate(module: Any, module_name: str, expression: str) -> Any:
    """The value of a name, or of a call with literals for arguments."""
    try:
        node: Any = ast.parse(expression, mode="eval").body
    except SyntaxError:
        raise LoadError(f"{expression!r} is no name of an application") from None
    target = node.func if isinstance(node, ast.Call) else node
    if not isinstance(target, (ast.Name, ast.Attribute)):
        raise LoadError(f"{expression!r} is no name of an application")
    found = module
    for part in ast.unparse(target).split("."):
        try:
            found = getattr(found, part)
        except AttributeError:
            raise LoadError(f"module {module_name!r} has no {ast.unparse(target)!r}") from None
    if not isinstance(node, ast.Call):
        return found
    try:
        arguments = [ast.literal_eval(argument) for argument in node.args]
        named = {str(keyword.arg): ast.literal_eval(keyword.value) for keyword in node.keywords}
    except ValueError:
        raise LoadError(f"the arguments of {expression!r} are no literals") from None
    return _call(expression, found, arguments, named)


def _call(name: str, function: Any, arguments: Any, named: Any) -> Any:
    try:
        inspect.signature(function).bind(*arguments, **named)
    except TypeError as exc:
        raise LoadError(f"{name} cannot be called so: {exc}") from None
    except ValueError:  # it has no signature to be looked at
        pass
    return function(*arguments, **named)
