"""open(), poll_fd() and poll(): serving on the program's own event loop."""

import signal
import unittest

import forker
from program import Program

PROLOGUE = """
import asyncio, gc, selectors, signal, threading, time, weakref
def make(**options):
    server = forker.Server(workers=0, log_level="warn", **options)
    server.listen("127.0.0.1:0")
    @server.get("/")
    def show(request):
        return str(threading.current_thread() is threading.main_thread())
    @server.post("/stop")
    def stop(request):
        server.stop()
        return "stops"
    return server
def select(server):
    with selectors.DefaultSelector() as selector:
        selector.register(server, selectors.EVENT_READ)
        told("ready", server.address(0))
        while selector.select():
            if not server.poll():
                return
"""


class SelectorTest(unittest.TestCase):
    def test_serves_on_a_selector_and_again(self):
        source = f"""{PROLOGUE}
server = make()
for turn in range(2):
    server.open()
    select(server)
    told("over")
server.close()
"""
        with Program(source) as program:
            for _ in range(2):
                program.wait_ready()
                self.assertEqual(program.get("/")[2], b"True")
                self.assertEqual(program.request("POST", "/stop")[2], b"stops")
                program.out.wait_for("over")
            self.assertEqual(program.wait(), 0)

    def test_poll_alone_is_a_loop_that_signals_interrupt(self):
        source = f"""{PROLOGUE}
try:
    with make() as server:
        server.open()
        told("ready", server.address(0))
        while server.poll(None):
            pass
except KeyboardInterrupt:
    told("interrupted")
"""
        with Program(source) as program:
            program.wait_ready()
            self.assertEqual(program.get("/")[2], b"True")
            program.send_signal(signal.SIGINT)
            program.out.wait_for("interrupted")
            self.assertEqual(program.wait(), 0)
            self.assertNotIn("ctypes callback", "\n".join(program.log.seen))

    def test_what_a_handler_raises_leaves_poll_and_the_server_goes_on(self):
        source = f"""{PROLOGUE}
server = make()
@server.get("/interrupt")
def interrupt(request):
    raise KeyboardInterrupt
@server.get("/exit")
def leave(request):
    sys.exit(3)
server.open()
told("ready", server.address(0))
serves = True
while serves:
    try:
        serves = server.poll(None)
    except KeyboardInterrupt:
        told("interrupted")
"""
        with Program(source) as program:
            program.wait_ready()
            self.assertEqual(program.get("/interrupt")[0], 500)
            program.out.wait_for("interrupted")
            self.assertEqual(program.get("/exit")[0], 500)
            self.assertEqual(program.get("/")[2], b"True")
            self.assertEqual(program.request("POST", "/stop")[2], b"stops")
            self.assertEqual(program.wait(), 0)

    def test_block_and_close_end_it(self):
        source = f"""{PROLOGUE}
def watch(server):
    server.worker_exit(lambda worker: told("exit"))
    return server
with watch(make()) as server:
    server.open()
server = watch(make())
server.open()
fd = server.poll_fd()
server.close()
server.close()
try:
    os.fstat(fd)
except OSError:
    told("closed")
"""
        with Program(source) as program:
            self.assertEqual(program.wait(), 0)
            self.assertEqual(program.out.seen, ["exit", "exit", "closed"])

    def test_misuse_is_a_clear_error(self):
        source = f"""{PROLOGUE}
def attempt(name, call):
    try:
        told(name, "went", call())
    except forker.Error as error:
        told(name, error.code)
server = make()
@server.get("/misuse")
def misuse(request):
    for name in ("open", "poll", "poll_fd", "close", "wait", "run"):
        attempt(name, getattr(server, name))
    return "done"
for name in ("poll", "poll_fd"):
    attempt(name, getattr(server, name))
server.open()
attempt("open", server.open)
attempt("set", lambda: server.set_option("max_body", "1k"))
select(server)
"""
        with Program(source) as program:
            program.wait_ready()
            self.assertEqual(program.get("/misuse")[2], b"done")
            self.assertEqual(program.request("POST", "/stop")[2], b"stops")
            self.assertEqual(program.wait(), 0)
            names = ["poll", "poll_fd", "open", "set", "open", "poll", "poll_fd", "close", "wait", "run"]
            lines = [line for line in program.out.seen if not line.startswith("ready")]
            self.assertEqual(lines, [f"{name} {forker.E_STATE}" for name in names])

    def test_forked_workers_cannot_be_polled(self):
        with forker.Server(workers=2, log_level="error") as server:
            server.listen("127.0.0.1:0")
            server.get("/")(lambda request: "")
            with self.assertRaisesRegex(forker.Error, "workers must be 0") as caught:
                server.open()
            self.assertEqual(caught.exception.code, forker.E_OPTION)

    def test_server_that_nobody_holds_serves_on(self):
        source = f"""{PROLOGUE}
server = make()
server.open()
watch = weakref.ref(server)
del server
gc.collect()
told("kept", watch() is not None)
"""
        with Program(source) as program:
            self.assertEqual(program.wait(), 0)
            self.assertEqual(program.out.seen, ["kept True"])


class AsyncioTest(unittest.TestCase):
    def test_coroutines_answer(self):
        source = f"""{PROLOGUE}
server = make()
tasks = set()
@server.get("/later/:name")
def later(request):
    deferred = request.defer()
    async def answer():
        await asyncio.sleep(0)
        deferred.respond(f"{{request.params['name']}} later")
    task = asyncio.get_running_loop().create_task(answer())
    tasks.add(task)
    task.add_done_callback(tasks.discard)
    return deferred
async def main():
    loop, over = asyncio.get_running_loop(), asyncio.Event()
    def readable():
        if not server.poll():
            loop.remove_reader(fd)
            over.set()
    server.open()
    fd = server.poll_fd()
    loop.add_reader(fd, readable)
    told("ready", server.address(0))
    await over.wait()
asyncio.run(main())
told("over")
"""
        with Program(source) as program:
            program.wait_ready()
            self.assertEqual(program.get("/")[2], b"True")
            for name in ("one", "two"):
                self.assertEqual(program.get(f"/later/{name}")[2], f"{name} later".encode())
            program.request("POST", "/stop")
            self.assertEqual(program.wait(), 0)
            self.assertEqual(program.out.seen[-1], "over")


if __name__ == "__main__":
    unittest.main()
