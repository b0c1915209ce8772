"""WSGI applications: no request is lost, see ledger.py."""

import unittest

from ledger import Ledger
from wsgi_program import THREADS, program

SOURCE = """
@path
def work(environ, start_response):
    body = environ["wsgi.input"].read(int(environ["CONTENT_LENGTH"]))
    if environ["QUERY_STRING"] == "stream":
        start(start_response)
        return Pieces([body, b" from ", b"%d" % os.getpid()])
    start(start_response)
    return [body + b" from %d" % os.getpid()]
def told(*what, tell=told):
    if what[0] != "closed":
        tell(*what)
"""


class LedgerTest(Ledger, unittest.TestCase):
    ways = THREADS

    def program(self, threads, **options):
        return program(SOURCE, threads, **options)


if __name__ == "__main__":
    unittest.main()
