"""start(), wait(), stop() and the with block: a server next to the program's own work."""

import signal
import unittest

import forker
from program import Program

PROLOGUE = """
import gc, http.client, signal, threading, time, weakref
def get(server, target="/", index=0):
    connection = http.client.HTTPConnection(server.address(index), timeout=30)
    connection.request("GET", target)
    body = connection.getresponse().read().decode()
    connection.close()
    return body
def make(workers, **options):
    server = forker.Server(workers=workers, log_level="error", **options)
    server.listen("127.0.0.1:0")
    @server.get("/")
    def show(request):
        return f"{os.getpid() == started} {threading.current_thread() is threading.main_thread()}"
    @server.get("/slow")
    def slow(request):
        os.write(1, b"slow begins\\n")
        time.sleep(0.3)
        return "slow"
    return server
started = os.getpid()
"""

# What tells who has answered: with workers another process, on its main thread; else this one, on another thread.
ANSWERS = {1: "False True", 0: "True False"}


class StartTest(unittest.TestCase):
    def test_serves_while_the_program_goes_on_and_again(self):
        for workers, answer in ANSWERS.items():
            source = f"""{PROLOGUE}
server = make({workers})
for turn in range(3):
    server.start()
    told("answer", get(server))
    told("wait", server.wait(0))
    server.stop()
    told("wait", server.wait())
server.close()
"""
            with self.subTest(workers=workers), Program(source) as program:
                self.assertEqual(program.wait(), 0)
                self.assertEqual(program.out.seen, [f"answer {answer}", "wait False", "wait True"] * 3)

    def test_with_block_finishes_what_is_in_flight(self):
        for workers in ANSWERS:
            source = f"""{PROLOGUE}
with make({workers}, half_close=True) as server:
    server.start()
    client = threading.Thread(target=lambda: told("got", get(server, "/slow")))
    client.start()
    while not server.stats().in_flight:
        time.sleep(0.001)
client.join()
told("left")
"""
            with self.subTest(workers=workers), Program(source) as program:
                self.assertEqual(program.wait(), 0)
                self.assertEqual(program.out.seen, ["slow begins", "got slow", "left"])

    def test_exception_leaves_the_block_at_once(self):
        for workers in ANSWERS:
            source = f"""{PROLOGUE}
try:
    with make({workers}, drain_timeout=3600) as server:
        server.start()
        connection = http.client.HTTPConnection(server.address(0), timeout=30)
        connection.connect()
        connection.send(b"GET / HTTP/1.1\\r\\n")  # a head that never ends
        raise ValueError("of the block")
except ValueError as error:
    told(error)
try:
    server.start()
except forker.Error as error:
    told(error)
"""
            with self.subTest(workers=workers), Program(source) as program:
                self.assertEqual(program.wait(), 0)
                self.assertEqual(program.out.seen, ["of the block", "the server is closed"])

    def test_several_servers_end_in_any_order(self):
        for workers in ANSWERS:
            source = f"""{PROLOGUE}
servers = [make({workers}) for _ in range(3)]
for order in ((0, 1, 2), (2, 0, 1), (1, 2, 0)):
    for server in servers:
        server.start()
    left = list(servers)
    for i in order:
        told(len([get(server) for server in left]))
        servers[i].stop()
        servers[i].wait()
        left.remove(servers[i])
"""
            with self.subTest(workers=workers), Program(source) as program:
                self.assertEqual(program.wait(), 0)
                self.assertEqual(program.out.seen, ["3", "2", "1"] * 3)

    def test_misuse_is_a_clear_error(self):
        source = f"""{PROLOGUE}
def attempt(name, call):
    try:
        call()
        told(name, "went")
    except forker.Error as error:
        told(name, error.code, error)
server = make(0)
@server.get("/misuse")
def misuse(request):
    for name in ("start", "wait", "run", "close"):
        attempt(name, getattr(server, name))
    return "done"
attempt("early", server.wait)
server.start()
attempt("twice", server.start)
attempt("set", lambda: server.set_option("max_body", "1k"))
told(get(server, "/misuse"))
server.close()
attempt("closed", server.wait)
"""
        with Program(source) as program:
            self.assertEqual(program.wait(), 0)
            codes = [" ".join(line.split()[:2]) for line in program.out.seen]
            names = ["early", "twice", "set", "start", "wait", "run", "close"]
            expected = [f"{name} {forker.E_STATE}" for name in names]
            self.assertEqual(codes, [*expected, "done", f"closed {forker.E_INVALID}"])

    def test_hook_that_raises_is_an_error_of_start(self):
        for workers in ANSWERS:
            source = f"""{PROLOGUE}
server = make({workers}, boot_timeout=5)
@server.worker_init
def fail(worker):
    raise ValueError("in worker_init")
try:
    server.start()
except forker.Error as error:
    told(error.code)
"""
            with self.subTest(workers=workers), Program(source) as program:
                self.assertEqual(program.wait(), 0)
                self.assertEqual(program.out.seen, [str(forker.E_BOOT)])
                self.assertIn("ValueError: in worker_init", "\n".join(program.log.seen))

    def test_ctrl_c_leaves_wait(self):
        for workers in ANSWERS:
            source = f"""{PROLOGUE}
try:
    with make({workers}) as server:
        server.start()
        told("ready", server.address(0))
        server.wait()
except KeyboardInterrupt:
    told("interrupted")
    sys.exit(7)
"""
            with self.subTest(workers=workers), Program(source) as program:
                program.wait_ready()
                self.assertEqual(program.get("/")[2].decode(), ANSWERS[workers])
                program.send_signal_to_all(signal.SIGINT)
                self.assertEqual(program.wait(), 7)
                self.assertEqual(program.out.seen[-1], "interrupted")

    def test_server_is_kept_until_it_has_ended(self):
        source = f"""{PROLOGUE}
server = make(0)
server.start()
watch, address = weakref.ref(server), server.address(0)
weakref.finalize(server, told, "collected")
del server
gc.collect()
told("alive", get(watch()))
watch().stop()
watch().wait()
gc.collect()
told("left", watch())
"""
        with Program(source) as program:
            self.assertEqual(program.wait(), 0)
            self.assertEqual(program.out.seen, ["alive True False", "collected", "left None"])

    def test_program_that_just_ends_takes_its_server_with_it(self):
        for workers in ANSWERS:
            source = f"{PROLOGUE}\nserver = make({workers})\nserver.start()\n"
            with self.subTest(workers=workers), Program(source) as program:
                self.assertEqual(program.wait(), 0)


class RunTest(unittest.TestCase):
    def test_other_threads_can_be_refused(self):
        source = f"""{PROLOGUE}
done = threading.Event()
threading.Thread(target=done.wait).start()
try:
    make(1, threads="refuse").run()
except forker.Error as error:
    told(error.code, error)
done.set()
"""
        with Program(source) as program:
            self.assertEqual(program.wait(), 0)
            self.assertRegex(program.out.seen[0], f"^{forker.E_THREADS} run: the process has 2 threads")

    def test_ctrl_c_ends_run_in_the_own_process_cleanly_and_twice(self):
        source = f"""{PROLOGUE}
server = make(0)
server.worker_init(lambda worker: told("ready", server.address(0)))
for turn in range(2):
    server.run()
    told("returned", turn)
"""
        with Program(source) as program:
            for turn in range(2):
                program.wait_ready()
                self.assertEqual(program.get("/")[2], b"True True")
                program.send_signal(signal.SIGINT)
                program.out.wait_for(f"returned {turn}")
            self.assertEqual(program.wait(), 0)
            self.assertNotIn("KeyboardInterrupt", "\n".join(program.log.seen))


if __name__ == "__main__":
    unittest.main()
