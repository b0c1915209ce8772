"""A file server.

Start it with ``python3 examples/files.py [address [directory [password]]]``, then open http://localhost:8080/ in a browser:
it lists the directory, plays films from any place on, and asks for a file again only when that has changed. Python runs
only to look at the password, if there is one: ``curl -u me:secret http://localhost:8080/``.
"""

import base64
import binascii
import hmac
import sys

import forker

address, directory, password = (sys.argv[1:] + [":8080", ".", ""][len(sys.argv) - 1 :])[:3]
server = forker.Server(static_listing=True, static_cache_control="*=no-cache")  # ask whether it has changed


def password_of(request):
    kind, _, credentials = request.headers.get("authorization", "").partition(" ")
    try:
        return base64.b64decode(credentials).partition(b":")[2] if kind.lower() == "basic" else b""
    except binascii.Error:
        return b""


if password:

    @server.group().use
    def ask_for_password(request):
        """Called before each file, and for all that is not there."""
        if not hmac.compare_digest(password_of(request), password.encode()):
            return 401, "who are you?\n", {"WWW-Authenticate": 'Basic realm="files"'}


server.static("", directory)
try:
    server.listen(address)
except forker.Error as error:  # taken, for example
    sys.exit(str(error))
print("serving on", server.address(0), flush=True)
server.run()
