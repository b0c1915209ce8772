"""Setting up a server: options, addresses, routes, and the sentences of what is refused. Nothing is run."""

import errno
import gc
import logging
import os
import socket
import unittest
import weakref

import forker


class OptionTest(unittest.TestCase):
    def setUp(self):
        self.server = forker.Server()
        self.addCleanup(self.server.close)

    def test_the_library_describes_its_options(self):
        options = {option.name: option for option in forker.options()}
        self.assertEqual(options["workers"].default, "auto")
        self.assertEqual(options["drain_timeout"].type, "duration")
        self.assertTrue(all(option.description.endswith(".") for option in options.values()))

    def test_defaults_are_used(self):
        for option in forker.options():
            if f"FORKER_{option.name.upper()}" not in os.environ:
                self.assertEqual(self.server.option(option.name), option.default)

    def test_python_values(self):
        for name, value, text in (
            ("workers", 3, "3"),
            ("workers", "auto", "auto"),
            ("handle_signals", False, "off"),
            ("drain_timeout", 2.5, "2500ms"),
            ("drain_timeout", 0, "0ms"),
            ("unix_mode", 0o660, "0660"),
            ("max_body", 65536, "65536"),
        ):
            with self.subTest(name=name, value=value):
                self.server.set_option(name, value)
                self.assertEqual(self.server.option(name), text)

    def test_none_leaves_the_default(self):
        with forker.Server(workers=None, max_body=None) as server:
            self.assertEqual(server.option("max_body"), self.server.option("max_body"))

    def test_unknown_option_suggests_the_nearest(self):
        with self.assertRaisesRegex(forker.Error, '"worker".*"workers"') as caught:
            forker.Server(worker=2)
        self.assertEqual(caught.exception.code, forker.E_OPTION)
        with self.assertRaises(KeyError):
            self.server.option("worker")

    def test_value_that_does_not_suit(self):
        for value in ("many", -1, 5000, 1.5, float("inf"), True):
            with self.subTest(value=value), self.assertRaisesRegex(forker.Error, "workers.*0 to 1024") as caught:
                self.server.set_option("workers", value)
            self.assertEqual(caught.exception.code, forker.E_OPTION)

    def test_value_of_another_type(self):
        with self.assertRaisesRegex(TypeError, "workers.*list"):
            self.server.set_option("workers", [2])


class ListenTest(unittest.TestCase):
    def setUp(self):
        self.server = forker.Server()
        self.addCleanup(self.server.close)

    def refused(self, address):
        with self.assertRaises(forker.Error) as caught:
            self.server.listen(address)
        self.assertEqual(caught.exception.code, forker.E_ADDRESS)
        self.assertIn(address, str(caught.exception))
        return str(caught.exception)

    def test_address_has_the_real_port(self):
        self.server.listen("127.0.0.1:0")
        host, port = self.server.address(0).rsplit(":", 1)
        self.assertEqual(host, "127.0.0.1")
        socket.create_connection((host, int(port)), timeout=10).close()
        for index in (1, -1):
            with self.assertRaises(IndexError):
                self.server.address(index)

    def test_malformed_address(self):
        self.refused("nonsense")

    def test_address_in_use(self):
        with socket.create_server(("127.0.0.1", 0)) as taken:
            sentence = self.refused(f"127.0.0.1:{taken.getsockname()[1]}")
            self.assertIn(os.strerror(errno.EADDRINUSE), sentence)

    def test_a_route_without_its_options_is_remembered_by_run(self):
        self.server.listen("127.0.0.1:0")
        with self.assertRaisesRegex(forker.Error, "nonsense"):
            self.server.get("/", max_body="nonsense")(lambda request: "")
        self.refused("another")
        with self.assertRaisesRegex(forker.Error, "nonsense") as caught:
            self.server.run()
        self.assertEqual(caught.exception.code, forker.E_SETUP)

    def test_nothing_to_serve(self):
        with self.assertRaises(forker.Error) as caught:
            self.server.run()
        self.assertEqual(caught.exception.code, forker.E_STATE)


class RouteTest(unittest.TestCase):
    def setUp(self):
        self.server = forker.Server()
        self.addCleanup(self.server.close)

    def test_decorators_return_the_function(self):
        def handler(request):
            return ""

        for method in ("get", "post", "put", "patch", "delete"):
            self.assertIs(getattr(self.server, method)("/")(handler), handler)
        self.assertIs(self.server.route(["HEAD", "OPTIONS"], "/")(handler), handler)
        for kind in ("post_fork", "worker_init", "worker_exit"):
            self.assertIs(getattr(self.server, kind)(handler), handler)

    def test_malformed_and_taken(self):
        self.server.get("/users/:id")(lambda request: "")
        for methods, pattern in (("GET", "users"), ("G E T", "/"), ("GET", "/*rest/more"), ("GET", "/users/:name")):
            with self.subTest(methods=methods, pattern=pattern), self.assertRaises(forker.Error) as caught:
                self.server.route(methods, pattern)(lambda request: "")
            self.assertEqual(caught.exception.code, forker.E_ROUTE)
            self.assertIn(pattern, str(caught.exception))


class LifeTest(unittest.TestCase):
    def test_close_frees_the_port_and_can_be_repeated(self):
        server = forker.Server()
        server.listen("127.0.0.1:0")
        address = server.address(0)
        server.close()
        server.close()
        with forker.Server() as again:
            again.listen(address)
        with self.assertRaisesRegex(forker.Error, "closed"):
            server.listen(address)
        server.stop()

    def test_a_server_that_is_dropped_is_released(self):
        server = forker.Server()
        server.get("/")(lambda request: "")
        server.listen("127.0.0.1:0")
        address = server.address(0)
        gone = weakref.ref(server)
        del server
        gc.collect()
        self.assertIsNone(gone())
        with forker.Server() as again:
            again.listen(address)

    def test_stop_refuses_what_is_no_time(self):
        with forker.Server() as server:
            for timeout in (-1, float("nan")):
                with self.assertRaises(ValueError):
                    server.stop(timeout)
            server.stop(0)
            server.stop(float("inf"))

    def test_text_of_another_type_is_refused_by_name(self):
        with forker.Server() as server:
            with self.assertRaisesRegex(TypeError, "expected str, not bytes"):
                server.listen(b"127.0.0.1:0")
            with self.assertRaisesRegex(ValueError, "NUL"):
                server.load("a\0b")
            with self.assertRaisesRegex(TypeError, "a log is a logger or a function, not str"):
                server.set_log("stderr")
            server.set_log(logging.LoggerAdapter(logging.getLogger("web"), {}))

    def test_error_has_code_and_sentence(self):
        self.assertEqual(str(forker.Error(forker.E_MEMORY)), "out of memory")
        self.assertEqual((forker.Error(-6, "why").code, str(forker.Error(-6, "why"))), (-6, "why"))


if __name__ == "__main__":
    unittest.main()
