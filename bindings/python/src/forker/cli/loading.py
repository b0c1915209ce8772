"""The application: from its name to the object."""

from __future__ import annotations

import ast
import importlib
import inspect
from typing import Any


class LoadError(Exception):
    """There is no such application, or it is none."""


def load(name: str, factory: bool) -> Any:
    """Imports "module:name", or the result of "module:name(arguments)".

    Raises LoadError, or what the module raises.
    """
    module_name, _, expression = name.partition(":")
    try:
        module = importlib.import_module(module_name)
    except ModuleNotFoundError as exc:
        if exc.name is not None and (module_name == exc.name or module_name.startswith(f"{exc.name}.")):
            raise LoadError(f"there is no module {module_name!r}: {exc}") from None
        raise
    application = _evaluate(module, module_name, expression or "application")
    if factory:
        application = _call(name, application, (), {})
    if _is_asgi(application):
        raise LoadError(f"{name} is an ASGI application; only WSGI applications are served")
    if not callable(application):
        raise LoadError(f"{name} is {type(application).__name__}, which is no application")
    return application


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


def _is_asgi(application: Any) -> bool:
    if inspect.iscoroutinefunction(application) or inspect.iscoroutinefunction(getattr(application, "__call__", None)):
        return True
    return inspect.isclass(application) and hasattr(application, "__await__")
