"""The smallest program: it answers "greeting!!!" on every core.

Start it with ``python3 examples/hello.py [address]`` and ask it with ``curl -i http://localhost:8080/``.
"""

import sys

import forker

server = forker.Server()


@server.get("/")
def greet(request):
    return "greeting!!!"


try:
    server.listen(sys.argv[1] if len(sys.argv) > 1 else ":8080")
except forker.Error as error:  # taken, for example
    sys.exit(str(error))
server.run()
