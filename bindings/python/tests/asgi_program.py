"""ASGI applications in server programs, for tests to talk to."""

import functools
import importlib.util

from program import Program

# Behind the prologue of program.py. Applications are coroutines of scope, receive and send in `paths`.
PROLOGUE = """
import asyncio, contextvars, json, time
import forker.asgi

paths = {}
def path(function):
    paths["/" + function.__name__] = function
    return function
def start(send, *headers, status=200, **more):
    fields = [(b"content-type", b"text/plain"), *headers]
    return send({"type": "http.response.start", "status": status, "headers": fields, **more})
def body(send, content=b"", more=False):
    return send({"type": "http.response.body", "body": content, "more_body": more})
async def answer(send, text):
    await start(send)
    await body(send, str(text).encode())
async def read(receive):
    pieces, more = [], True
    while more:
        message = await receive()
        pieces.append(message["body"])
        more = message["more_body"]
    return b"".join(pieces)
async def dispatch(scope, receive, send):
    if scope["type"] == "lifespan":
        return await lifespan(receive, send)
    await paths[scope["path"]](scope, receive, send)
async def lifespan(receive, send):
    for _ in range(2):
        message = await receive()
        await send({"type": message["type"] + ".complete"})
def serve(loop=None, lifespan="auto", **options):
    server = make_server(**options)
    forker.asgi.mount(server, dispatch, loop=loop, lifespan=lifespan)
    server.run()
"""


def program(source, loop="asyncio", **options):
    """Runs a program whose applications `source` puts into `paths`."""
    arguments = "".join(f", {name}={value!r}" for name, value in options.items())
    return Program(f"{PROLOGUE}{source}\nserve({loop!r}{arguments})\n")


LOOPS = ["asyncio", "uvloop"] if importlib.util.find_spec("uvloop") else ["asyncio"]


def each_loop(test):
    """Runs a test with asyncio's own loop, and with uvloop if it is installed."""

    @functools.wraps(test)
    def run(self):
        for loop in LOOPS:
            with self.subTest(loop=loop):
                test(self, loop)

    return run
