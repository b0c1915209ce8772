"""Forks, hooks, signals, logs: what happens in which process, and that none stays behind."""

import errno
import json
import os
import signal
import tempfile
import unittest

import forker
from program import Program

SERVE = """
@server.get("/")
def greet(request):
    return "greeting!!!"
"""


class WorkerTest(unittest.TestCase):
    def test_two_workers_serve_at_once(self):
        source = """
server = make_server(workers=2)
inside, release = os.pipe()
def who(request):
    return {"worker": request.worker, "pid": os.getpid(), "parent": os.getppid()}
@server.get("/hold")
def hold(request):
    print("holding", flush=True)
    os.read(inside, 1)
    return who(request)
@server.get("/who")
def other(request):
    return who(request)
@server.get("/release")
def let_go(request):
    os.write(release, b"x")
    return ""
server.run()
"""
        with Program(source) as program:
            program.wait_ready(workers=2)
            held = program.connect()
            held.request("GET", "/hold")
            program.out.wait_for("holding")
            # One worker is inside a handler now, so that only the other one can answer.
            other = json.loads(program.get("/who")[2])
            program.get("/release")
            holder = json.loads(held.getresponse().read())
            held.close()
            self.assertEqual({holder["worker"], other["worker"]}, {0, 1})
            self.assertNotEqual(holder["pid"], other["pid"])
            self.assertEqual({holder["parent"], other["parent"]}, {program.pid})
            self.assertEqual(program.stop(), 0)

    def test_at_fork_hooks_of_python_run(self):
        source = """
hooked = []
os.register_at_fork(before=lambda: hooked.append("before"), after_in_child=lambda: hooked.append(os.getpid()))
server = make_server()
@server.get("/")
def show(request):
    return {"hooked": hooked[-2:], "pid": os.getpid()}
server.run()
"""
        with Program(source) as program:
            program.wait_ready()
            shown = json.loads(program.get("/")[2])
            self.assertEqual(shown["hooked"], ["before", shown["pid"]])
            program.stop()

    def test_hooks_run_in_the_worker_in_order(self):
        source = """
server = make_server(workers=1)
events = []
@server.post_fork
def forked(worker):
    events.append(["post_fork", worker, os.getpid()])
@server.worker_init
def starting(worker):
    events.append(["worker_init", worker, os.getpid()])
    print("ready", server.address(0), flush=True)
@server.worker_exit
def leaving(worker):
    print("worker_exit", worker, os.getpid())
@server.get("/")
def show(request):
    return {"events": events, "pid": os.getpid()}
server.run()
print("host has", events)
"""
        with Program(source) as program:
            program.wait_ready()
            shown = json.loads(program.get("/")[2])
            self.assertEqual(shown["events"], [["post_fork", 0, shown["pid"]], ["worker_init", 0, shown["pid"]]])
            self.assertEqual(program.stop(), 0)
            self.assertEqual(program.out.seen[-2:], [f"worker_exit 0 {shown['pid']}", "host has []"])

    def test_hooks_of_the_process_that_forks(self):
        source = """
server = make_server(workers=1)
server.before_fork(lambda worker: told("before_fork", worker, os.getpid()))
server.worker_ready(lambda worker: told("worker_ready", worker, os.getpid()))
server.worker_drain(lambda worker: told("worker_drain", worker, os.getpid()))
server.master_tick(lambda: told("master_tick", os.getpid()))
@server.worker_died
def died(worker, pid, status, request):
    told("worker_died", worker, pid, os.waitstatus_to_exitcode(status), request.split(" from ")[0], os.getpid())
@server.get("/crash")
def crash(request):
    os.kill(os.getpid(), 9)
server.run()
"""
        with Program(source) as program:
            worker = int(program.out.wait_for("worker_ready").split()[2])
            program.out.wait_for(f"master_tick {program.pid}")
            program.address = next(line.split()[1] for line in program.out.seen if line.startswith("ready "))
            with self.assertRaises(ConnectionError):
                program.get("/crash")
            program.out.wait_for(f"worker_died 0 {worker} -9 GET /crash {program.pid}")
            program.out.wait_for("worker_ready")
            program.stop()
            self.assertIn(f"before_fork 0 {program.pid}", program.out.seen)
            self.assertIn("worker_drain", "".join(program.out.seen))

    def test_reload_brings_what_the_hook_has_read(self):
        source = """
server = make_server(workers=1)
revision = 1
@server.on_reload
def read_again():
    global revision
    revision += 1
    if revision == 3:
        raise ValueError("no third one")
@server.on_reopen
def reopen():
    os.write(1, f"reopened {os.getpid()}\\n".encode())
@server.get("/")
def show(request):
    return {"revision": revision, "draining": request.draining, "pid": os.getpid()}
@server.get("/reload")
def reload(request):
    server.reload()
    return ""
server.run()
"""
        with Program(source) as program:
            program.wait_ready()
            first = json.loads(program.get("/")[2])
            program.get("/reload")
            program.log.wait_for("reload: done")
            second = json.loads(program.get("/")[2])
            self.assertEqual([first["revision"], second["revision"], second["draining"]], [1, 2, False])
            self.assertNotEqual(first["pid"], second["pid"])
            program.get("/reload")
            program.log.wait_for("reload refused")
            self.assertEqual(json.loads(program.get("/")[2]), second)
            program.send_signal(signal.SIGUSR1)
            self.assertEqual(program.out.wait_for(f"reopened {second['pid']}"), f"reopened {second['pid']}")
            program.stop()
            self.assertIn(f"reopened {program.pid}", program.out.seen)

    def test_scale_and_drain(self):
        source = """
server = make_server(workers=1)
@server.get("/more")
def more(request):
    server.scale(1)
    return ""
@server.get("/drain")
def drain(request):
    server.drain()
    return ""
server.run()
"""
        with Program(source) as program:
            program.wait_ready()
            program.get("/more")
            program.wait_ready()
            program.get("/drain")
            program.log.wait_for("draining all workers")
            program.send_signal(signal.SIGHUP)
            program.wait_ready(workers=2)
            program.stop()

    def test_options_from_a_file(self):
        with tempfile.NamedTemporaryFile("w", suffix=".conf") as file:
            file.write("max_body = 5k\n")
            file.flush()
            with forker.Server() as server:
                server.load(file.name)
                self.assertEqual(server.option("max_body"), "5k")
                with self.assertRaises(forker.Error) as raised:
                    server.reload()
                self.assertEqual(raised.exception.code, forker.E_STATE)

    def test_what_was_printed_is_written_once(self):
        source = """
import atexit
atexit.register(print, "at exit", os.getpid())
print("before run")
server = make_server(workers=2)
@server.get("/")
def greet(request):
    print("in the handler")
    return ""
server.run()
"""
        with Program(source) as program:
            program.wait_ready(workers=2)
            program.get("/")
            program.stop()
            written = "\n".join(program.out.seen)
            self.assertEqual(written.count("before run"), 1)
            self.assertEqual(written.count("in the handler"), 1)
            self.assertEqual(written.count("at exit"), 1)
            self.assertEqual(program.out.seen[-1], f"at exit {program.pid}")

    def test_worker_that_never_boots_fails_run(self):
        source = """
server = make_server(workers=1)
@server.worker_init
def fail(worker):
    raise LookupError("no database")
@server.get("/")
def greet(request):
    return ""
try:
    server.run()
except forker.Error as error:
    print("failed", error.code, error)
"""
        with Program(source) as program:
            program.log.wait_for("LookupError: no database")
            self.assertIn("worker_init", program.out.wait_for("failed -9"))
            self.assertEqual(program.wait(), 0)

    def test_fork_that_fails_is_logged_with_the_reason(self):
        source = f"""
import errno
real_fork = os.fork
def refuse():
    os.fork = real_fork
    raise BlockingIOError(errno.EAGAIN, "no more processes")
os.fork = refuse
server = make_server(){SERVE}
server.run()
"""
        with Program(source) as program:
            program.log.wait_for(os.strerror(errno.EAGAIN))
            program.wait_ready()  # it was tried again
            self.assertEqual(program.get("/")[2], b"greeting!!!")
            self.assertEqual(program.stop(), 0)

    def test_without_workers_the_calling_process_serves(self):
        source = """
import signal
server = make_server(workers=0)
@server.get("/")
def show(request):
    return {"pid": os.getpid(), "worker": request.worker}
server.run()
assert signal.getsignal(signal.SIGINT) is signal.default_int_handler
try:
    signal.raise_signal(signal.SIGINT)
except KeyboardInterrupt:
    print("interrupted")
"""
        with Program(source) as program:
            program.wait_ready()
            self.assertEqual(json.loads(program.get("/")[2]), {"pid": program.pid, "worker": 0})
            self.assertEqual(program.stop(), 0)
            self.assertEqual(program.out.seen[-1], "interrupted")


class StopTest(unittest.TestCase):
    def test_run_returns_after_each_signal(self):
        for number in (signal.SIGTERM, signal.SIGQUIT, signal.SIGINT):
            source = f"server = make_server(workers=2){SERVE}\nserver.run()\nprint('returned', os.getpid())\n"
            with self.subTest(signal=number), Program(source) as program:
                program.wait_ready(workers=2)
                self.assertEqual(program.get("/")[2], b"greeting!!!")
                program.send_signal(number)
                self.assertEqual(program.out.wait_for("returned"), f"returned {program.pid}")
                self.assertEqual(program.wait(), 0)

    def test_ctrl_c_is_python_s_again_after_run(self):
        source = f"""
import signal
server = make_server(){SERVE}
server.run()
assert signal.getsignal(signal.SIGINT) is signal.default_int_handler
try:
    signal.raise_signal(signal.SIGINT)
except KeyboardInterrupt:
    print("interrupted")
"""
        with Program(source) as program:
            program.wait_ready()
            self.assertEqual(program.stop(signal.SIGINT), 0)
            self.assertEqual(program.out.seen[-1], "interrupted")

    def test_ctrl_c_in_a_terminal_reaches_every_process(self):
        source = f"server = make_server(workers=2){SERVE}\nserver.run()\nprint('returned', os.getpid())\n"
        with Program(source) as program:
            program.wait_ready(workers=2)
            program.send_signal_to_all(signal.SIGINT)
            self.assertEqual(program.wait(), 0)
            self.assertEqual(program.out.seen[-1], f"returned {program.pid}")
            self.assertNotIn("KeyboardInterrupt", "\n".join(program.log.seen))

    def test_handler_can_stop_the_server(self):
        source = """
server = make_server(workers=2)
@server.post("/stop")
def stop(request):
    server.stop(timeout=5)
    server.close()
    return "stopping"
server.run()
print("returned")
"""
        with Program(source) as program:
            program.wait_ready(workers=2)
            self.assertEqual(program.request("POST", "/stop")[2], b"stopping")
            self.assertEqual(program.wait(), 0)
            self.assertEqual(program.out.seen[-1], "returned")

    def test_another_thread_can_stop_and_is_warned_about(self):
        source = f"""
import threading
server = make_server(){SERVE}
wait, stop = os.pipe()
def stopper():
    os.read(wait, 1)
    server.stop(0)
threading.Thread(target=stopper).start()
@server.post("/stop")
def tell(request):
    os.write(stop, b"x")
    return ""
server.run()
"""
        with Program(source) as program:
            program.wait_ready()
            self.assertIn(" warn ", program.log.wait_for("2 threads"))
            self.assertEqual(program.get("/")[2], b"greeting!!!")
            # The response is cut off if the stop overtakes it.
            connection = program.connect()
            connection.request("POST", "/stop")
            self.assertEqual(program.wait(), 0)
            connection.close()

    def test_run_can_be_called_again(self):
        source = f"""
server = make_server(){SERVE}
for turn in range(3):
    server.run()
    print("returned", turn)
"""
        with Program(source) as program:
            for turn in range(3):
                program.wait_ready()
                self.assertEqual(program.get("/")[2], b"greeting!!!")
                program.send_signal()
                program.out.wait_for(f"returned {turn}")
            self.assertEqual(program.wait(), 0)

    def test_signal_handlers_that_raise_come_out_of_run(self):
        source = f"""
import signal, threading
done = threading.Event()
threading.Thread(target=done.wait).start()
def log(level, line):
    if os.getpid() == started:
        signal.raise_signal(signal.SIGINT)
started = os.getpid()
server = make_server(handle_signals=False, log=log){SERVE}
try:
    server.run()
except KeyboardInterrupt:
    print("interrupted")
done.set()
"""
        with Program(source) as program:
            program.out.wait_for("interrupted")
            self.assertEqual(program.wait(), 0)


class LogTest(unittest.TestCase):
    def test_lines_go_to_a_logger(self):
        source = f"""
import logging
logging.basicConfig(format="%(levelname)s|%(name)s|%(message)s")
server = make_server(log=logging.getLogger("web")){SERVE}
@server.post_fork
def forked(worker):
    server.log(forker.LOG_WARN, "a line\\0of the worker")
server.run()
"""
        with Program(source) as program:
            program.wait_ready()
            line = program.log.wait_for("a line")
            self.assertRegex(line, r"^WARNING\|web\|.* warn worker 0\[\d+\]: a line\?of the worker$")
            program.stop()

    def test_lines_go_to_a_function_and_level_is_obeyed(self):
        source = f"""
def log(level, line):
    print("logged", level, line)
server = make_server(log=log, log_level="warn"){SERVE}
@server.worker_init
def starting(worker):
    server.log(forker.LOG_INFO, "too unimportant")
    server.log(forker.LOG_ERROR, "important")
    print("ready", server.address(0), flush=True)
server.run()
"""
        with Program(source) as program:
            self.assertRegex(program.out.wait_for("important"), r"^logged 0 .* error worker 0\[\d+\]: important$")
            program.wait_ready()
            program.stop()
            self.assertNotIn("too unimportant", "\n".join(program.out.seen))

    def test_log_function_that_raises_goes_to_stderr(self):
        source = f"""
def log(level, line):
    raise RuntimeError("broken log")
server = make_server(log=log){SERVE}
@server.get("/log")
def write(request):
    server.log(forker.LOG_ERROR, "a line")
    return "logged"
server.run()
"""
        with Program(source) as program:
            program.wait_ready()
            self.assertEqual(program.get("/log")[2], b"logged")
            program.log.wait_for("forker: the log function failed")
            program.log.wait_for("RuntimeError: broken log")
            self.assertEqual(program.stop(), 0)


if __name__ == "__main__":
    unittest.main()
