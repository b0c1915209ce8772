"""The task that an ASGI application runs in: its first step is taken when the request has come, and it is one as others are."""

import unittest

from asgi_program import each_loop, program


class TaskTest(unittest.TestCase):
    @each_loop
    def test_each_request_has_a_task_of_its_own(self, loop):
        source = """
seen = set()  # holds them, so that none has the identity of another
@path
async def show(scope, receive, send):
    before = asyncio.current_task()
    assert asyncio.get_running_loop() is before.get_loop() and before in asyncio.all_tasks()
    if scope["query_string"]:
        await asyncio.sleep(0)
        assert asyncio.current_task() is before and before in asyncio.all_tasks()
    seen.add(before)
    await answer(send, len(seen))
    assert asyncio.current_task() is before
@path
async def ended(scope, receive, send):
    await asyncio.sleep(0)
    others = seen - {asyncio.current_task()}
    await answer(send, (all(task.done() for task in others), "call_soon" in vars(asyncio.get_running_loop())))
"""
        with program(source, loop) as served:
            served.wait_ready()
            targets = ("/show", "/show", "/show?waits", "/show?waits", "/show")
            self.assertEqual([served.get(target)[2] for target in targets], [b"1", b"2", b"3", b"4", b"5"])
            self.assertEqual(served.get("/ended")[2], b"(True, False)")
            self.assertEqual(served.stop(), 0)

    @each_loop
    def test_each_request_has_a_context_of_its_own(self, loop):
        source = """
level = contextvars.ContextVar("level", default="none")
async def dispatch(scope, receive, send):
    if scope["type"] == "lifespan":
        level.set("worker")
        return await lifespan(receive, send)
    before = level.get()
    level.set(scope["path"])
    if scope["query_string"]:
        await asyncio.sleep(0)
    async def child():
        return level.get()
    await answer(send, f"{before} {level.get()} {await asyncio.ensure_future(child())}")
"""
        with program(source, loop) as served:
            served.wait_ready()
            for target in ("/a", "/b?waits", "/c", "/d?waits"):
                path = target.partition("?")[0]
                self.assertEqual(served.get(target)[2].decode(), f"worker {path} {path}")
            self.assertEqual(served.stop(), 0)

    @each_loop
    def test_tasks_are_made_by_the_programs_factory(self, loop):
        source = """
async def dispatch(scope, receive, send):
    if scope["type"] == "lifespan":
        def make(loop, coroutine, **more):
            task = asyncio.Task(coroutine, loop=loop, **more)
            task.is_own = True
            return task
        asyncio.get_running_loop().set_task_factory(make)
        return await lifespan(receive, send)
    content = await read(receive)
    await answer(send, (asyncio.current_task().is_own, content))
"""
        with program(source, loop) as served:
            served.wait_ready()
            self.assertEqual(served.get("/")[2], b"(True, b'')")
            self.assertEqual(served.request("POST", "/", b"body")[2], b"(True, b'body')")
            self.assertEqual(served.stop(), 0)

    @each_loop
    def test_a_factory_that_makes_no_task_or_ends_it_is_a_failure(self, loop):
        source = """
async def dispatch(scope, receive, send):
    if scope["type"] != "lifespan":
        return await answer(send, "answered")
    def refuse(loop, coroutine, **more):
        coroutine.close()
        raise ValueError("no task")
    def cancel(loop, coroutine, **more):
        task = asyncio.Task(coroutine, loop=loop, **more)
        task.cancel()  # before its first step
        return task
    factories = iter([*[refuse] * 3, *[cancel] * 3])
    asyncio.get_running_loop().set_task_factory(lambda loop, coroutine, **more: next(factories)(loop, coroutine, **more))
    return await lifespan(receive, send)
"""
        with program(source, loop) as served:
            served.wait_ready()
            for text in ("refused", "cancelled"):
                self.assertEqual(served.get("/")[0], 500, text)
                self.assertEqual(served.request("POST", "/", b"body")[0], 500, text)
                with served.connect_socket() as client, client.makefile("rb") as stream:
                    client.sendall(b"POST / HTTP/1.1\r\nHost: h\r\nConnection: close\r\nContent-Length: 4\r\n\r\n")
                    self.assertIn(b" 500 ", stream.readline(), text)
                if text == "refused":
                    for _ in range(3):
                        served.log.wait_for("ValueError: no task")
            self.assertEqual(served.stop(), 0)

    @each_loop
    def test_others_may_send_while_it_waits_for_the_body(self, loop):
        source = """
@path
async def early(scope, receive, send):
    await receive()
    async def refuse():
        await asyncio.sleep(0.01)
        await answer(send, "enough")
    task = asyncio.create_task(refuse())
    told((await receive())["type"])
    await task
@path
async def late(scope, receive, send):
    await receive()
    async def begin():
        await asyncio.sleep(0.01)
        await start(send)
        told("started")
    task = asyncio.create_task(begin())
    message = await receive()
    await task
    await body(send, message["body"])
"""
        with program(source, loop) as served:
            served.wait_ready()
            with served.connect_socket() as client, client.makefile("rb") as stream:
                client.sendall(b"POST /early HTTP/1.1\r\nHost: h\r\nContent-Length: 20\r\n\r\n0123456789")
                self.assertTrue(stream.read().endswith(b"\r\n\r\nenough"))
            served.out.wait_for("http.disconnect")
            with served.connect_socket() as client, client.makefile("rb") as stream:
                client.sendall(b"POST /late HTTP/1.1\r\nHost: h\r\nContent-Length: 20\r\nConnection: close\r\n\r\n0123456789")
                served.out.wait_for("started")
                client.sendall(b"abcdefghij")
                self.assertTrue(stream.read().endswith(b"\r\n\r\nabcdefghij"))
            self.assertEqual(served.stop(), 0)

    @each_loop
    def test_receive_and_send_are_coroutines(self, loop):
        source = """
@path
async def waits(scope, receive, send):
    try:
        told((await asyncio.wait_for(receive(), 30))["body"])
        await asyncio.wait_for(receive(), 0.01)
    except asyncio.TimeoutError:
        told("late")
    waits = asyncio.create_task(receive())
    await asyncio.sleep(0)
    waits.cancel()
    told(await asyncio.gather(waits, return_exceptions=True))
    await asyncio.create_task(start(send))
    await asyncio.gather(body(send, b"a", True), body(send, b"b", True))
    await asyncio.wait_for(body(send, b"c"), 30)
@path
async def whole(scope, receive, send):
    begins, waits = send(message={"type": "http.response.start", "status": 200}), receive()
    assert asyncio.iscoroutine(begins) and asyncio.iscoroutine(waits)
    waits.close()
    await asyncio.create_task(begins)
    ends = body(send, b"whole")
    await ends
    try:
        await ends
    except RuntimeError as exc:
        told("refused:", exc)
    for wrong in ((), (1, 2)):
        try:
            send(*wrong)
        except TypeError:
            told("no argument" if not wrong else "too many")
    try:
        send(text="")
    except TypeError:
        told("another")
    body(send, b"never awaited").close()
"""
        with program(source, loop) as served:
            served.wait_ready()
            self.assertEqual(served.request("POST", "/waits", b"body")[2], b"abc")
            for text in ("b'body'", "late", "CancelledError"):
                served.out.wait_for(text)
            self.assertEqual(served.get("/whole")[2], b"whole")
            for text in ("refused: cannot reuse already awaited coroutine", "no argument", "too many", "another"):
                served.out.wait_for(text)
            self.assertEqual(served.stop(), 0)

    @each_loop
    def test_a_step_within_a_step_is_refused(self, loop):
        source = """
@path
async def again(scope, receive, send):
    steps = asyncio.current_task().get_coro()
    for step in (lambda: steps.send(None), lambda: steps.throw(KeyError("thrown")), lambda: next(iter(steps.__await__()))):
        try:
            told("went on", step())
        except ValueError as exc:
            told(exc)
    if scope["query_string"]:
        await asyncio.sleep(0)
    await answer(send, "fine")
"""
        with program(source, loop) as served:
            served.wait_ready()
            for target in ("/again", "/again?waits"):
                self.assertEqual(served.get(target)[2], b"fine")
                for _ in range(3):
                    served.out.wait_for("coroutine already executing")
            self.assertEqual(served.stop(), 0)

    @each_loop
    def test_applications_that_are_no_coroutines(self, loop):
        source = """
class Awaitable:
    def __init__(self, send):
        self.send = send
    def __await__(self):
        yield from answer(self.send, "awaited").__await__()
def dispatch(scope, receive, send):
    if scope["type"] == "lifespan":
        return lifespan(receive, send)
    return Awaitable(send) if scope["path"] == "/" else scope["path"]
"""
        with program(source, loop) as served:
            served.wait_ready()
            self.assertEqual(served.get("/")[2], b"awaited")
            self.assertEqual(served.get("/text")[0], 500)
            served.log.wait_for("GET /text: the application failed")
            served.log.wait_for("TypeError: ")
            self.assertEqual(served.stop(), 0)

    @each_loop
    def test_a_task_that_is_cancelled_by_itself(self, loop):
        source = """
@path
async def cancels(scope, receive, send):
    asyncio.current_task().cancel()
    if scope["query_string"]:
        await asyncio.sleep(0)
    await receive()
    await receive()
"""
        with program(source, loop) as served:
            served.wait_ready()
            for target in ("/cancels", "/cancels?waits"):
                self.assertEqual(served.get(target)[0], 500)
                served.log.wait_for("GET /cancels")
            self.assertEqual(served.stop(), 0)


if __name__ == "__main__":
    unittest.main()
