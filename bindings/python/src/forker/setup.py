"""The set-up of a server: options, listening sockets, certificates."""

from __future__ import annotations

import os

from ._library import c_path, c_text, lib
from .handling import Handling
from .option import option_text


class Setup(Handling):
    """What a server is told before it runs, but for its routes."""

    def set_option(self, name: str, value: str | int | float | bool) -> None:
        """Sets an option. Raises Error (E_OPTION: unknown, or not a value for it; E_STATE: running)."""
        self._check_setup(lib.forker_server_set(self._live(), c_text(name), c_text(option_text(name, value))))

    def option(self, name: str) -> str:
        """The value of an option as it would be used, as text in C's form. Raises KeyError if there is none."""
        value = lib.forker_server_get(self._live(), c_text(name))
        if value is None:
            raise KeyError(name)
        return value.decode()

    def listen(self, address: str) -> None:
        """Opens a listening socket: "host:port", "[v6]:port", ":port", "unix:/path", "fd:N" or "systemd".

        Port 0 is any. A unix socket can have mode and owner: "unix:/path?mode=0660&user=www&group=www"; "systemd:web"
        takes the sockets of that FileDescriptorName=. Any of them speaks TLS with "?tls=on", as in ":8443?tls=on", and
        asks clients for a certificate with "&client_cert=optional" or "&client_cert=required"; one with
        "?redirect_https=on" leads there. It can be called several times. Raises Error (E_ADDRESS, with the
        address and the reason; E_STATE). As with the other setup calls, a program that catches it can go on, with the
        next port for example; only a route whose options are refused keeps the server from being run.
        """
        self._check_setup(lib.forker_server_listen(self._live(), c_text(address)))

    def certificate(self, chain: str | os.PathLike[str], key: str | os.PathLike[str]) -> None:
        """Gives the server a certificate for addresses with "?tls=on": PEM files of the chain and of the key.

        It can be called several times: a client gets the one for the name that it asks for, or the first. The files are
        read again by each reload, which is refused if they cannot be used. Raises Error (E_CERTIFICATE, with the file
        and the reason; E_LIMIT, E_STATE). Whether key and chain belong together :meth:`run` finds out.
        """
        self._check_setup(lib.forker_server_certificate(self._live(), c_path(chain), c_path(key)))

    def certificate_pem(self, name: str, chain: bytes, key: bytes) -> None:
        """The same with PEM texts; `name` stands for the certificate in sentences. A reload keeps them."""
        code = lib.forker_server_certificate_pem(self._live(), c_text(name), chain, len(chain), key, len(key))
        self._check_setup(code)

    def certificate_ocsp(self, name: str | os.PathLike[str], path: str | os.PathLike[str]) -> None:
        """Has clients get an OCSP response (a file in DER) along with a certificate that was given before.

        `name` is the chain of :meth:`certificate`, or the name of :meth:`certificate_pem`. The file is read again by each
        reload; once the response has expired it is left out. Raises Error (E_CERTIFICATE; E_INVALID: there is no such
        certificate; E_STATE: it has a response already).
        """
        self._check_setup(lib.forker_server_certificate_ocsp(self._live(), c_path(name), c_path(path)))

    def client_ca(self, path: str | os.PathLike[str]) -> None:
        """The CAs that have to have signed the certificates of clients: a PEM file, read again by each reload.

        Raises Error (E_CERTIFICATE; E_STATE: called before, or running).
        """
        self._check_setup(lib.forker_server_client_ca(self._live(), c_path(path)))

    def address(self, index: int = 0) -> str:
        """The address of a listening socket, with its real port, in the order of opening.

        Any process of the tree. Raises IndexError beyond the last one.
        """
        address = lib.forker_server_address(self._live(), index) if index >= 0 else None
        if address is None:
            raise IndexError(f"there is no listening socket {index}")
        return address.decode()

    def load(self, path: str | os.PathLike[str]) -> None:
        """Sets options from a file of lines "name = value", which a reload reads again.

        Calls of :meth:`set_option` after it win, and the environment does. Raises Error (E_SYSTEM: cannot be read;
        E_OPTION: with the line; E_LIMIT, E_STATE).
        """
        self._check_setup(lib.forker_server_load(self._live(), c_path(path)))
