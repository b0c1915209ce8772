"""WSGI applications in server programs, for tests to talk to; each is checked by wsgiref.validate."""

import functools

from program import Program

# Behind the prologue of program.py. Applications are functions of environ and start_response in `paths`.
PROLOGUE = """
import io, threading, time
from wsgiref.validate import validator
import forker.wsgi

paths = {}
def path(function):
    paths["/" + function.__name__] = function
    return function
def start(start_response, *headers, status="200 OK", exc_info=None):
    return start_response(status, [("Content-Type", "text/plain"), *headers], exc_info)
def start_anew(start_response, *headers, status="200 OK", reason=""):
    # In place of what was started before, because of an error.
    try:
        raise RuntimeError(reason)
    except RuntimeError:
        return start(start_response, *headers, status=status, exc_info=sys.exc_info())
class Pieces:
    # An iterable that tells when it is closed.
    def __init__(self, pieces):
        self.pieces = iter(pieces)
    def __iter__(self):
        return self
    def __next__(self):
        return next(self.pieces)
    def close(self):
        told("closed")
def dispatch(environ, start_response):
    return paths[environ["PATH_INFO"]](environ, start_response)
def serve(threads=1, checked=True, **options):
    server = make_server(**options)
    forker.wsgi.mount(server, validator(dispatch) if checked else dispatch, threads=threads)
    server.run()
"""


def program(source, threads=1, **options):
    """Runs a program whose applications `source` puts into `paths`."""
    arguments = "".join(f", {name}={value!r}" for name, value in options.items())
    return Program(f"{PROLOGUE}{source}\nserve(threads={threads}{arguments})\n")


THREADS = (1, 3)


def each_way(test):
    """Runs a test with the application on the main thread, and on threads."""

    @functools.wraps(test)
    def run(self):
        for threads in THREADS:
            with self.subTest(threads=threads):
                test(self, threads)

    return run
