"""Who calls: address and certificate, in the words of grpcio."""

from __future__ import annotations

import re

from ..tls import TLS

_NAMES = "x509_subject_alternative_name"
_NAME = "x509_common_name"
_END = "-----END CERTIFICATE-----\n"
_COMMON_NAME = re.compile(r"(?:^|[,+])CN=((?:\\.|[^\\,+])*)")  # RFC 4514


def peer_of(address: str) -> str:
    """"ipv4:192.0.2.1:5000" for "192.0.2.1:5000", "ipv6:%5B::1%5D:5000" for "[::1]:5000"; "unix:" stays."""
    if address.startswith("["):
        return "ipv6:" + address.replace("[", "%5B").replace("]", "%5D")
    return address if address.startswith("unix:") else "ipv4:" + address


def auth_context_of(tls: TLS | None) -> dict[str, list[bytes]]:
    """The properties of a connection over TLS; of another none."""
    if tls is None:
        return {}
    found = {
        "transport_security_type": ["ssl"],
        "security_level": ["TSI_PRIVACY_AND_INTEGRITY"],
        "ssl_session_reused": ["true" if tls.resumed else "false"],
    }
    if tls.client_subject is not None:
        found["x509_subject"] = [tls.client_subject]
        found[_NAME] = [_unescape(name) for name in _COMMON_NAME.findall(tls.client_subject)[:1]]
        found[_NAMES] = [name.partition(":")[2] for name in tls.client_names]
    if tls.client_chain_pem:
        found["x509_pem_cert"] = ["".join(tls.client_chain_pem.partition(_END)[:2])]
        found["x509_pem_cert_chain"] = [tls.client_chain_pem]
    return {key: [value.encode() for value in values] for key, values in found.items() if values}


def identity_key_of(properties: dict[str, list[bytes]]) -> str | None:
    """Which property tells who the client is."""
    return next((key for key in (_NAMES, _NAME) if key in properties), None)


def _unescape(text: str) -> str:
    """Of RFC 4514: a backslash stands before a character, or two hexadecimal digits of a byte."""
    plain = re.sub(
        rb"\\([0-9A-Fa-f]{2}|.)",
        lambda found: bytes.fromhex(found[1].decode()) if len(found[1]) == 2 else found[1],
        text.encode(),
    )
    return plain.decode("utf-8", "replace")
