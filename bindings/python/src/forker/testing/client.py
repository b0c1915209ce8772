"""A client for tests: HTTP over one connection that is kept, with the standard library's means."""

from __future__ import annotations

import http.client
import http.cookies
import json as jsonlib
import urllib.parse
from collections.abc import Mapping
from email.message import Message
from typing import Any, Optional

_TIMEOUT = 30.0  # seconds


class Response:
    """A response: its status, fields and whole body."""

    def __init__(self, status: int, headers: Message, body: bytes) -> None:
        self.status = status
        self.headers = headers
        self.body = body

    @property
    def text(self) -> str:
        """The body in the charset that Content-Type names, else UTF-8. Raises UnicodeDecodeError."""
        return self.body.decode(self.headers.get_content_charset("utf-8"))

    def json(self) -> Any:
        """The body as JSON. Raises ValueError if it is something else."""
        return jsonlib.loads(self.body)

    def __repr__(self) -> str:
        return f"<Response {self.status} of {len(self.body)} bytes>"


class Client:
    """Sends requests to one server, and keeps cookies as a browser would, by name. One thread at a time.

    Redirections are not followed.
    """

    def __init__(self, address: str) -> None:
        self.address = address
        self.url = f"http://{address}"
        self.cookies: dict[str, str] = {}
        self._connection = http.client.HTTPConnection(address, timeout=_TIMEOUT)

    def request(
        self,
        method: str,
        target: str,
        body: Optional[bytes] = None,
        headers: Optional[Mapping[str, str]] = None,
        *,
        query: Optional[Mapping[str, str]] = None,
        form: Optional[Mapping[str, str]] = None,
        json: Any = None,
    ) -> Response:
        """Sends a request and reads the response.

        `query` goes behind the target; `form` and `json` make the body. Raises OSError or http.client.HTTPException if
        there is no response.
        """
        fields = dict(headers or {})
        if query is not None:
            target = f"{target}?{urllib.parse.urlencode(query)}"
        if form is not None:
            body = urllib.parse.urlencode(form).encode()
            fields.setdefault("Content-Type", "application/x-www-form-urlencoded")
        if json is not None:
            body = jsonlib.dumps(json).encode()
            fields.setdefault("Content-Type", "application/json")
        if self.cookies:
            fields.setdefault("Cookie", "; ".join(f"{name}={value}" for name, value in self.cookies.items()))
        try:
            self._connection.request(method, target, body, fields)
            response = self._connection.getresponse()
            received = Response(response.status, response.headers, response.read())
        except BaseException:
            self._connection.close()  # the next request gets another connection
            raise
        self._keep_cookies(received)
        return received

    def get(self, target: str, **arguments: Any) -> Response:
        """:meth:`request` for GET."""
        return self.request("GET", target, **arguments)

    def head(self, target: str, **arguments: Any) -> Response:
        """:meth:`request` for HEAD."""
        return self.request("HEAD", target, **arguments)

    def post(self, target: str, body: Optional[bytes] = None, **arguments: Any) -> Response:
        """:meth:`request` for POST."""
        return self.request("POST", target, body, **arguments)

    def put(self, target: str, body: Optional[bytes] = None, **arguments: Any) -> Response:
        """:meth:`request` for PUT."""
        return self.request("PUT", target, body, **arguments)

    def patch(self, target: str, body: Optional[bytes] = None, **arguments: Any) -> Response:
        """:meth:`request` for PATCH."""
        return self.request("PATCH", target, body, **arguments)

    def delete(self, target: str, **arguments: Any) -> Response:
        """:meth:`request` for DELETE."""
        return self.request("DELETE", target, **arguments)

    def close(self) -> None:
        """Closes the connection; the next request opens another one."""
        self._connection.close()

    def __enter__(self) -> Client:
        return self

    def __exit__(self, *exc: object) -> None:
        self.close()

    def _keep_cookies(self, response: Response) -> None:
        for field in response.headers.get_all("Set-Cookie", ()):
            cookies: http.cookies.SimpleCookie[str] = http.cookies.SimpleCookie(field)
            for name, morsel in cookies.items():
                if morsel["max-age"] == "0" or not morsel.value:
                    self.cookies.pop(name, None)
                else:
                    self.cookies[name] = morsel.value
