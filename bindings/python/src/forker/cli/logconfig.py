"""Python's logging, as a file configures it."""

from __future__ import annotations

import configparser
import json
import logging.config
from typing import Any

LOGGER = "forker.error"
ACCESS_LOGGER = "forker.access"


def configure_logging(path: str) -> None:
    """Raises OSError, or ValueError for what is no configuration."""
    with open(path, encoding="utf-8") as file:
        text = file.read()
    try:
        if path.endswith((".json", ".yaml", ".yml")):
            logging.config.dictConfig(_read(path, text))
        else:
            logging.config.fileConfig(path, disable_existing_loggers=False)
    except (ValueError, TypeError, AttributeError, KeyError, ImportError, RuntimeError, configparser.Error) as exc:
        raise ValueError(f"{path}: {exc!s}" if str(exc) else f"{path}: {exc!r}") from None


def _read(path: str, text: str) -> dict[str, Any]:
    found: Any
    if path.endswith(".json"):
        found = json.loads(text)
    else:
        import yaml

        try:
            found = yaml.safe_load(text)
        except yaml.YAMLError as exc:
            raise ValueError(str(exc)) from None
    if not isinstance(found, dict):
        raise ValueError("this is no dictionary")
    return found
