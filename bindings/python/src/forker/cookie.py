"""Cookies for clients."""

from __future__ import annotations

import ctypes

from ._header import COOKIE_PARTITIONED, COOKIE_SCRIPTS, COOKIE_SECURE, SAME_SITE_LAX, SAME_SITE_NONE, SAME_SITE_STRICT, CCookie
from ._library import c_text

_SAME_SITE = {"lax": SAME_SITE_LAX, "strict": SAME_SITE_STRICT, "none": SAME_SITE_NONE}


def make_cookie(
    name: str,
    value: str,
    *,
    max_age: int | None = None,
    path: str | None = "/",
    domain: str | None = None,
    secure: bool = False,
    scripts: bool = False,
    same_site: str = "lax",
    partitioned: bool = False,
) -> CCookie:
    """A cookie as C takes it, see :meth:`Response.set_cookie`. Raises TypeError or ValueError."""
    if same_site not in _SAME_SITE:
        raise ValueError(f"same_site is lax, strict or none, not {same_site!r}")
    if max_age is not None and max_age < 0:
        raise ValueError(f"a cookie has no max_age of {max_age}")
    return CCookie(
        size=ctypes.sizeof(CCookie),
        flags=COOKIE_SECURE * secure + COOKIE_SCRIPTS * scripts + COOKIE_PARTITIONED * partitioned,
        same_site=_SAME_SITE[same_site],
        max_age=-1 if max_age is None else max_age,
        name=c_text(name),
        value=c_text(value),
        domain=None if domain is None else c_text(domain),
        path=None if path is None else c_text(path),
    )
