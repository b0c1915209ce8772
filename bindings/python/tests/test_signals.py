"""Signals whose handlers raise, at every point where C is what runs."""

import os
import signal
import unittest

from program import Program

SERVE = """
import signal, time
@server.get("/")
def greet(request):
    return "greeting!!!"
def leave(number, frame):
    sys.exit(7)
"""


class RunTest(unittest.TestCase):
    def test_interrupt_from_outside_comes_out_of_run(self):
        source = f"""
server = make_server(handle_signals=False)
server.master_tick(lambda: told("tick")){SERVE}
before = signal.getsignal(signal.SIGINT)
try:
    server.run()
except KeyboardInterrupt:
    told("interrupted", signal.getsignal(signal.SIGINT) is before)
"""
        with Program(source) as program:
            program.wait_ready()
            program.out.wait_for("tick")
            program.send_signal(signal.SIGINT)
            program.out.wait_for("interrupted True")
            self.assertEqual(program.wait(), 0)
            self.assertNotIn("ctypes callback", "\n".join(program.log.seen))

    def test_handler_that_exits_ends_the_program(self):
        source = f"""
server = make_server(handle_signals=False)
server.master_tick(lambda: told("tick")){SERVE}
signal.signal(signal.SIGTERM, leave)
server.run()
"""
        with Program(source) as program:
            program.wait_ready()
            program.out.wait_for("tick")
            self.assertEqual(program.stop(), 7)

    def test_exit_in_a_hook_of_this_process_comes_out_of_run(self):
        source = f"""
server = make_server()
@server.master_tick
def tick():
    sys.exit(7)
{SERVE}
server.run()
"""
        with Program(source) as program:
            self.assertEqual(program.wait(), 7)

    def test_handler_of_the_program_is_caught_where_the_program_runs(self):
        source = f"""
server = make_server(){SERVE}
class Late(Exception):
    pass
def late(number, frame):
    raise Late
signal.signal(signal.SIGALRM, late)
@server.get("/late")
def wait(request):
    signal.setitimer(signal.ITIMER_REAL, 0.01)
    try:
        while True:
            time.sleep(30)
    except Late:
        return "caught"
group = server.group("/group")
@group.use
def around(request):
    yield
    try:
        signal.raise_signal(signal.SIGALRM)
    except Late:
        told("caught behind the yield")
@server.get("/raised")
def raised(request):
    signal.raise_signal(signal.SIGALRM)
@server.get("/pid")
def pid(request):
    return str(os.getpid())
server.run()
"""
        with Program(source) as program:
            program.wait_ready()
            pid = program.get("/pid")[2]
            self.assertEqual(program.get("/late")[2], b"caught")
            self.assertEqual(program.get("/group")[0], 404)
            program.out.wait_for("caught behind the yield")
            self.assertEqual(program.get("/raised")[0], 500)
            program.log.wait_for("Late")
            self.assertEqual(program.get("/pid")[2], pid)
            self.assertEqual(program.stop(), 0)

    def test_handler_that_raises_while_a_worker_waits_ends_no_worker(self):
        source = f"""
server = make_server(){SERVE}
def fail(number, frame):
    raise ValueError("of the handler")
signal.signal(signal.SIGALRM, fail)
@server.get("/pid")
def pid(request):
    return str(os.getpid())
server.run()
"""
        with Program(source) as program:
            program.wait_ready()
            pid = program.get("/pid")[2]
            for _ in range(5):
                os.kill(int(pid), signal.SIGALRM)
                self.assertEqual(program.get("/pid")[2], pid)  # each is answered, by the same process
            program.log.wait_for("ValueError: of the handler")
            self.assertEqual(program.stop(), 0)
            self.assertNotIn("ctypes callback", "\n".join(program.log.seen))


    def test_interrupt_of_a_function_that_was_posted_comes_out_of_run(self):
        for post in ("server.call_soon(interrupt)", "server.call_later(0, interrupt)"):
            source = f"""
server = make_server(workers=0, handle_signals=False){SERVE}
def interrupt():
    signal.raise_signal(signal.SIGINT)
@server.worker_ready
def begin(worker):
    {post}
try:
    server.run()
except KeyboardInterrupt:
    told("interrupted")
"""
            with self.subTest(post), Program(source) as program:
                program.out.wait_for("interrupted")
                self.assertEqual(program.wait(), 0)


class RegistrationTest(unittest.TestCase):
    def test_handler_that_the_program_sets_meanwhile_stays(self):
        source = f"""
server = make_server(workers=0){SERVE}
@server.worker_exit
def exits(worker):
    signal.signal(signal.SIGALRM, leave)
signal.signal(signal.SIGALRM, lambda number, frame: None)
server.run()
told("left", signal.getsignal(signal.SIGALRM) is leave)
"""
        with Program(source) as program:
            program.wait_ready()
            self.assertEqual(program.stop(), 0)
            self.assertEqual(program.out.seen[-1], "left True")


if __name__ == "__main__":
    unittest.main()
