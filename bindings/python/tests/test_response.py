"""What handlers return, and what becomes of it."""

import http
import json
import unittest
from pathlib import Path

from forker import NEXT, Response


class ConversionTest(unittest.TestCase):
    def check(self, value, status, content_type, body, headers=()):
        response = Response.of(value)
        self.assertEqual(
            (response.status, response.content_type, response.body, response.headers),
            (status, content_type, body, list(headers)),
        )

    def test_text_is_utf8(self):
        self.check("grüße", 200, "text/plain; charset=utf-8", "grüße".encode())
        self.check("", 200, "text/plain; charset=utf-8", b"")

    def test_bytes_are_sent_as_they_are(self):
        for value in (b"\0\xff", bytearray(b"\0\xff"), memoryview(b"\0\xff")):
            self.check(value, 200, "application/octet-stream", b"\0\xff")

    def test_dict_and_list_are_json(self):
        self.check({"a": [1, None]}, 200, "application/json", b'{"a":[1,null]}')
        self.check(["ü"], 200, "application/json", json.dumps(["ü"]).encode())
        self.check([], 200, "application/json", b"[]")

    def test_tuple_has_a_status(self):
        self.check((404, "no"), 404, "text/plain; charset=utf-8", b"no")
        self.check((http.HTTPStatus.CREATED, {}), 201, "application/json", b"{}")
        self.check((204, None), 204, None, b"")

    def test_tuple_can_have_headers(self):
        self.check((200, "x", {"A": "b"}), 200, "text/plain; charset=utf-8", b"x", [("A", "b")])
        twice = [("Set-Cookie", "a=1"), ("Set-Cookie", "b=2")]
        self.check((200, b"", twice), 200, "application/octet-stream", b"", twice)

    def test_content_type_replaces_that_of_the_body(self):
        self.check(Response(200, "<p>", content_type="text/html"), 200, "text/html", b"<p>")
        self.check((200, "<p>", {"content-type": "text/html"}), 200, "text/html", b"<p>")

    def test_a_response_is_its_own(self):
        response = Response(418, "short", [("A", "b")])
        self.assertIs(Response.of(response), response)
        self.check(response, 418, "text/plain; charset=utf-8", b"short", [("A", "b")])
        self.check(Response(), 200, None, b"")


class FileTest(unittest.TestCase):
    def test_type_follows_from_the_name(self):
        for name, content_type in (
            ("a.html", "text/html"),
            (Path("a.html"), "text/html"),
            (b"a.html", "text/html"),
            ("a", "application/octet-stream"),
            ("a.tar.gz", "application/gzip"),  # not a tar archive to who gets it
            ("a.html.br", "application/octet-stream"),
        ):
            with self.subTest(name=name):
                self.assertEqual(Response.file(name).content_type, content_type)
        self.assertEqual(Response.file("a.tar.gz", content_type="a/b").content_type, "a/b")


class RefusalTest(unittest.TestCase):
    def test_other_types(self):
        wrong = [None, 200, 1.5, object(), {1}, (), (200,), (200, "x", {}, 1), ("200", "x"), (True, "x"), (200, 5)]
        for value in wrong:
            with self.subTest(value=value), self.assertRaises(TypeError):
                Response.of(value)

    def test_a_forgotten_return_says_what_to_write(self):
        with self.assertRaisesRegex(TypeError, r"\(204, None\)"):
            Response.of(None)

    def test_status_out_of_range(self):
        for status in (0, 100, 199, 600, -1):
            with self.subTest(status=status), self.assertRaises(ValueError):
                Response.of((status, ""))

    def test_headers_that_are_no_text(self):
        for headers in ({"A": 1}, {1: "a"}, [("A",)], ["AB"], [("A", b"b")]):
            with self.subTest(headers=headers), self.assertRaises(TypeError):
                Response(200, "", headers)

    def test_two_content_types(self):
        with self.assertRaises(ValueError):
            Response(200, "", {"Content-Type": "a/b"}, content_type="c/d")
        with self.assertRaises(ValueError):
            Response(200, "", [("Content-Type", "a/b"), ("content-type", "c/d")])

    def test_json_has_no_nan(self):
        with self.assertRaises(ValueError):
            Response.of({"a": float("nan")})

    def test_text_with_lone_surrogates(self):
        with self.assertRaises(ValueError):
            Response.of("\ud800")


class NextTest(unittest.TestCase):
    def test_says_what_it_is(self):
        self.assertEqual(repr(NEXT), "forker.NEXT")


if __name__ == "__main__":
    unittest.main()
