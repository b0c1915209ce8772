"""What is known of the TLS of a request's connection."""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

from . import _header


class TLS(NamedTuple):
    """The TLS of a connection. What there is not is None: `server_name` and `alpn` of clients that asked for none,
    all of `client_...` of those without a certificate, which is verified if it is there.
    """

    version: str
    """ "TLS 1.2" or "TLS 1.3"."""
    cipher: str
    """The name that IANA has for the suite."""
    server_name: str | None
    """The name that the client has asked for (SNI)."""
    alpn: str | None
    """The protocol that was agreed on, such as "http/1.1"."""
    resumed: bool
    """Whether the session goes on from an earlier connection."""
    client_subject: str | None
    """As in RFC 4514: "CN=joe,O=Example"."""
    client_issuer: str | None
    client_serial: str | None
    """In hexadecimal."""
    client_sha256: str | None
    """Of the whole certificate, in hexadecimal."""
    client_names: tuple[str, ...]
    """Its alternative names: "DNS:a.example", "email:...", "IP:...", "URI:..."."""
    client_der: bytes | None
    """The certificate itself."""
    client_chain_pem: str | None
    """The certificate with what the client sent along."""


def tls_of(fetch: Callable[[int], bytes | None]) -> TLS | None:
    """`fetch` gives an item by its number."""

    def text(what: int) -> str | None:
        value = fetch(what)
        return None if value is None else value.decode("utf-8", "replace")

    version, cipher = text(_header.TLS_VERSION), text(_header.TLS_CIPHER)
    if version is None or cipher is None:
        return None
    return TLS(
        version,
        cipher,
        text(_header.TLS_SERVER_NAME),
        text(_header.TLS_ALPN),
        text(_header.TLS_RESUMED) == "1",
        text(_header.TLS_CLIENT_SUBJECT),
        text(_header.TLS_CLIENT_ISSUER),
        text(_header.TLS_CLIENT_SERIAL),
        text(_header.TLS_CLIENT_SHA256),
        tuple((text(_header.TLS_CLIENT_NAMES) or "").splitlines()),
        fetch(_header.TLS_CLIENT_DER),
        text(_header.TLS_CLIENT_CHAIN_PEM),
    )
