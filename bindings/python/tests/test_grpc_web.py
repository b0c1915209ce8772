"""Servicers are there for gRPC-Web too, by HTTP/1.1."""

import base64
import unittest
import urllib.request

from grpc_program import serving
from program import TIMEOUT

SOURCE = """
@services.unary_unary("/t.T/Say")
def say(request, context):
    context.send_initial_metadata([("x-before", "1")])
    context.set_trailing_metadata([("X-Behind".lower(), "2")])
    return request
@services.unary_stream("/t.T/Twice")
def twice(request, context):
    yield request
    yield request
    context.abort(StatusCode.ABORTED, "enough")
"""

MESSAGE = b"\0\0\0\0\x05hello"


class WebTest(unittest.TestCase):
    def ask(self, program, method, typ, body):
        request = urllib.request.Request(f"http://{program.address}/t.T/{method}", body, {"Content-Type": typ})
        with urllib.request.urlopen(request, timeout=TIMEOUT) as response:
            self.assertEqual(response.headers["Content-Type"], typ)
            return response.headers, response.read()

    def test_calls_by_http_1(self):
        for options in ("", "inline=True"):
            with self.subTest(options=options), serving(SOURCE, options) as (program, _):
                headers, body = self.ask(program, "Say", "application/grpc-web+proto", MESSAGE)
                self.assertEqual(headers["x-before"], "1")
                self.assertEqual(body, MESSAGE + b"\x80\0\0\0\x1dgrpc-status: 0\r\nx-behind: 2\r\n")
                body = self.ask(program, "Twice", "application/grpc-web", MESSAGE)[1]
                self.assertEqual(body, MESSAGE * 2 + b"\x80\0\0\0\x27grpc-status: 10\r\ngrpc-message: enough\r\n")
                body = self.ask(program, "Say", "application/grpc-web-text", base64.b64encode(MESSAGE))[1]
                pieces = [base64.b64decode(body[i : i + 4]) for i in range(0, len(body), 4)]  # each may have padding
                self.assertTrue(b"".join(pieces).startswith(MESSAGE + b"\x80"))


if __name__ == "__main__":
    unittest.main()
