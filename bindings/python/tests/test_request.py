"""The parts of a request that need no server."""

import threading
import unittest

from forker import Headers
from forker.request import Request


class HeadersTest(unittest.TestCase):
    def setUp(self):
        self.headers = Headers([("Host", "a"), ("X-Twice", "1"), ("x-twice", "2")])

    def test_names_have_no_case(self):
        self.assertEqual(self.headers["host"], "a")
        self.assertEqual(self.headers["HOST"], "a")
        self.assertIn("hOsT", self.headers)

    def test_first_value_and_all(self):
        self.assertEqual(self.headers["X-Twice"], "1")
        self.assertEqual(self.headers.get_all("X-TWICE"), ["1", "2"])
        self.assertEqual(self.headers.get_all("none"), [])

    def test_absent(self):
        self.assertIsNone(self.headers.get("none"))
        self.assertNotIn("none", self.headers)
        self.assertNotIn(1, self.headers)
        with self.assertRaises(KeyError):
            self.headers["none"]

    def test_is_a_mapping_that_cannot_be_changed_from_outside(self):
        self.assertEqual(dict(self.headers), {"host": "a", "x-twice": "1"})
        self.assertEqual(len(self.headers), 2)
        self.headers.get_all("host").append("b")
        self.assertEqual(self.headers.get_all("host"), ["a"])

    def test_fields_are_as_they_came(self):
        self.assertEqual(self.headers.fields, (("Host", "a"), ("X-Twice", "1"), ("x-twice", "2")))


class BodyTest(unittest.TestCase):
    def test_what_is_asked_for_while_the_body_ends_is_asked_for_again(self):
        request = Request(1, (), print, print)
        request._guard = threading.RLock()  # that of one that is deferred
        ended = threading.Event()

        def end():
            request._end_body()
            ended.set()

        def fetch(address):
            thread.start()
            ended.wait(0.2)  # it waits for this to return
            return b""

        thread = threading.Thread(target=end)
        self.assertEqual(request._keep("body", fetch), b"")
        thread.join()
        self.assertEqual(request._keep("body", lambda address: b"whole"), b"whole")


if __name__ == "__main__":
    unittest.main()
