"""HTTPS: python3 secure.py [address [chain key]]. tools/dev-certificate makes a certificate to try it with."""

import sys

import forker

address = sys.argv[1] if len(sys.argv) > 1 else ":8443"
chain, key = sys.argv[2:4] if len(sys.argv) > 3 else ("localhost.pem", "localhost.key")

server = forker.Server()


@server.get("/")
def greet(request):
    client = request.tls.client_subject or "a client without a certificate"
    return f"hello {client}, over {request.tls.version} with {request.tls.cipher}\n"


try:
    server.listen(address + "?tls=on")
    server.certificate(chain, key)
except forker.Error as error:  # taken, or no such certificate, for example
    sys.exit(str(error))
server.run()
