"""Cookies for clients."""

from __future__ import annotations

import ctypes

from ._library import c_text


class CCookie(ctypes.Structure):
    """forker_cookie."""

    _fields_ = (
        ("size", ctypes.c_uint32),
        ("flags", ctypes.c_uint32),
        ("same_site", ctypes.c_int32),
        ("pad", ctypes.c_uint32),
        ("max_age", ctypes.c_int64),
        ("name", ctypes.c_char_p),
        ("value", ctypes.c_char_p),
        ("domain", ctypes.c_char_p),
        ("path", ctypes.c_char_p),
    )


_SECURE, _SCRIPTS, _PARTITIONED = 1, 2, 4  # FORKER_COOKIE_*
_SAME_SITE = ("lax", "strict", "none")  # in the order of FORKER_SAME_SITE_*


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
        flags=_SECURE * secure + _SCRIPTS * scripts + _PARTITIONED * partitioned,
        same_site=_SAME_SITE.index(same_site),
        max_age=-1 if max_age is None else max_age,
        name=c_text(name),
        value=c_text(value),
        domain=None if domain is None else c_text(domain),
        path=None if path is None else c_text(path),
    )
