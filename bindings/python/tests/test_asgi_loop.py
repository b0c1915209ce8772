"""The event loop that ASGI applications live on, and their lifespan."""

import re
import unittest

import forker
import forker.asgi
from asgi_program import each_loop, program


class LoopTest(unittest.TestCase):
    @each_loop
    def test_a_lifespan_begins_before_requests_and_ends_after_them(self, loop):
        source = """
level = contextvars.ContextVar("level", default="none")
async def dispatch(scope, receive, send):
    if scope["type"] == "http":
        seen = dict(scope["state"])
        scope["state"]["count"] = 5
        return await answer(send, f"{seen} {level.get()}")
    assert (await receive())["type"] == "lifespan.startup"
    told("begins")
    scope["state"]["count"] = 1
    level.set("own")
    await send({"type": "lifespan.startup.complete"})
    assert (await receive())["type"] == "lifespan.shutdown"
    await asyncio.sleep(0.01)
    told("ends")
    await send({"type": "lifespan.shutdown.complete"})
"""
        for options in ({}, {"workers": 0}):
            with program(source, loop, **options) as served:
                served.out.wait_for("ready") if not options else None
                served.out.wait_for("begins")
                served.address = re.search(r"serving on (\S+)", served.log.wait_for("serving on"))[1]
                for _ in range(2):
                    self.assertEqual(served.get("/")[2], b"{'count': 1} own")
                self.assertEqual(served.stop(), 0)
                self.assertIn("ends", served.out.seen)

    @each_loop
    def test_a_lifespan_that_fails_is_a_failed_boot(self, loop):
        source = """
async def dispatch(scope, receive, send):
    await receive()
    await send({"type": "lifespan.startup.failed", "message": "no database"})
try:
    serve(LOOP)
except forker.Error as exc:
    told("failed:", exc)
sys.exit()
""".replace("LOOP", repr(loop))
        with program(source, loop) as served:
            served.log.wait_for("the application cannot begin: no database")
            served.out.wait_for("failed:")
            self.assertEqual(served.wait(), 0)

    def test_applications_without_a_lifespan(self):
        source = """
async def dispatch(scope, receive, send):
    assert scope["type"] == "http"
    await answer(send, "state" in scope)
"""
        for mode in ("auto", "off"):
            with program(source, lifespan=mode) as served:
                served.wait_ready()
                self.assertEqual(served.get("/")[2], b"False")
                self.assertEqual(served.stop(), 0)
        source += """
try:
    serve(lifespan="on")
except forker.Error:
    told("failed")
sys.exit()
"""
        with program(source) as served:
            served.log.wait_for("AssertionError")
            served.out.wait_for("failed")
            self.assertEqual(served.wait(), 0)

    @each_loop
    def test_tasks_outlive_their_request_and_are_waited_for(self, loop):
        source = """
@path
async def work(scope, receive, send):
    await answer(send, "answered")
    told("works")
    await asyncio.sleep(0.5)
    told("done")
"""
        with program(source, loop) as served:
            served.wait_ready()
            self.assertEqual(served.get("/work")[2], b"answered")
            served.out.wait_for("works")
            self.assertEqual(served.stop(), 0)
            self.assertIn("done", served.out.seen)

    @each_loop
    def test_tasks_are_cancelled_when_the_time_is_over(self, loop):
        source = """
@path
async def work(scope, receive, send):
    if scope["query_string"]:
        await answer(send, "answered")
    try:
        told("works")
        await asyncio.sleep(3600)
    finally:
        told("cancelled")
"""
        for query in ("?answered", ""):
            with program(source, loop, drain_timeout="1s") as served:
                served.wait_ready()
                with served.connect_socket() as connection:
                    connection.sendall(f"GET /work{query} HTTP/1.1\r\nHost: h\r\n\r\n".encode())
                    served.out.wait_for("works")
                    self.assertEqual(served.stop(), 0)
                self.assertIn("cancelled", served.out.seen)
                self.assertTrue([line for line in served.log.seen if "a task of the application cancelled" in line])
                self.assertFalse([line for line in served.log.seen if "killed" in line])

    @each_loop
    def test_a_worker_that_is_idle_is_not_hung_and_one_that_blocks_is(self, loop):
        source = """
@path
async def pid(scope, receive, send):
    await answer(send, os.getpid())
@path
async def block(scope, receive, send):
    await asyncio.sleep(0)
    time.sleep(60)
@path
async def wait(scope, receive, send):
    await asyncio.sleep(3)
    await answer(send, os.getpid())
"""
        with program(source, loop, hang_timeout="1s") as served:
            served.wait_ready()
            pid = served.get("/pid")[2]
            self.assertEqual(served.get("/wait")[2], pid)
            with served.connect_socket() as connection:
                connection.sendall(b"GET /block HTTP/1.1\r\nHost: h\r\n\r\n")
                line = served.log.wait_for("hangs: it has stood still for")
                self.assertIn("in GET /block from 127.0.0.1", line)
                served.wait_ready()
            self.assertNotEqual(served.get("/pid")[2], pid)
            self.assertEqual(served.stop(), 0)

    def test_a_server_with_an_application_is_not_opened(self):
        # In a process of its own: one in which Go runs can fork no workers, as other tests want.
        source = """
async def dispatch(scope, receive, send):
    pass
with forker.Server(workers=0) as server:
    forker.asgi.mount(server, dispatch)
    server.listen("127.0.0.1:0")
    try:
        server.open()
    except forker.Error as exc:
        told("refused:", exc.code == forker.E_BOOT)
sys.exit()
"""
        with program(source) as served:
            served.log.wait_for("has a loop of its own")
            served.out.wait_for("refused: True")
            self.assertEqual(served.wait(), 0)

    def test_arguments_that_are_wrong(self):
        with forker.Server() as server:
            for arguments in ({"path": "app"}, {"root_path": "/x/"}, {"loop": "trio"}, {"lifespan": "maybe"}):
                with self.assertRaises(ValueError, msg=arguments):
                    forker.asgi.mount(server, None, **arguments)
            forker.asgi.mount(server, None, loop="asyncio")
            with self.assertRaises(ValueError):
                forker.asgi.mount(server, None, "/other", loop="uvloop")


if __name__ == "__main__":
    unittest.main()
