"""Processes that a program forks by itself, as multiprocessing and its executors do, in handlers and beside the server."""

import os
import signal
import time
import unittest

from program import TIMEOUT, Program

# The context is said because another one is the default since Python 3.14.
PROLOGUE = """
import concurrent.futures, multiprocessing, time
fork = multiprocessing.get_context("fork")
def square(x):
    return x * x
"""


def each_way(test):
    """Runs a test with several workers, with one, and in the program's own process."""

    def run(self):
        for workers in (2, 1, 0):
            with self.subTest(workers=workers):
                test(self, workers)

    return run


def lives(pid):
    """Whether a process is there and no zombie."""
    try:
        with open(f"/proc/{pid}/stat") as stat:
            return stat.read().rsplit(")", 1)[1].split()[0] not in "ZX"
    except OSError:
        return False


def wait_gone(pids):
    until = time.monotonic() + TIMEOUT
    while any(map(lives, pids)):
        if time.monotonic() > until:
            raise AssertionError(f"some of {pids} still live")
        time.sleep(0.005)


class Forks(unittest.TestCase):
    def serve(self, workers, source, more="server.run()\n"):
        return Program(f"{PROLOGUE}server = make_server(workers={workers})\n{source}{more}")

    def expect(self, program, target, want):
        status, _, body = program.get(target)
        self.assertEqual((status, body.decode()), (200, want))

    @each_way
    def test_pool_in_a_handler(self, workers):
        source = """
@server.get("/")
def answer(request):
    with fork.Pool(2) as pool:
        return str(pool.map(square, range(4)))
"""
        with self.serve(workers, source) as program:
            program.wait_ready(max(workers, 1))
            for _ in range(3):
                self.expect(program, "/", "[0, 1, 4, 9]")
            self.assertEqual(program.stop(), 0)

    @each_way
    def test_executor_that_stays_ends_with_its_worker(self, workers):
        source = """
executor = None
@server.get("/", dispatch="pool")
def answer(request):
    global executor
    if executor is None:
        executor = concurrent.futures.ProcessPoolExecutor(1, fork)
    pid = executor.submit(os.getpid).result()
    return f"{pid} {executor.submit(square, 7).result()}"
"""
        with self.serve(workers, source) as program:
            program.wait_ready(max(workers, 1))
            pids = []
            for _ in range(3):
                pid, result = program.get("/")[2].split()
                self.assertEqual(int(result), 49)
                pids.append(int(pid))
                if workers > 0:
                    program.send_signal(signal.SIGHUP)
                    program.wait_ready(workers)
            if workers > 0:
                wait_gone(pids)
            self.assertEqual(program.stop(), 0)
            wait_gone(pids)

    @each_way
    def test_process_in_a_handler_dies_of_sigterm(self, workers):
        source = """
@server.get("/")
def answer(request):
    process = fork.Process(target=time.sleep, args=(1000,))
    process.start()
    process.terminate()
    process.join()
    return f"{os.getpid()} {process.exitcode}"
"""
        with self.serve(workers, source) as program:
            program.wait_ready(max(workers, 1))
            pid, code = program.get("/")[2].split()
            self.assertEqual(int(code), -signal.SIGTERM)
            if workers < 2:
                self.assertEqual(program.get("/")[2].split()[0], pid)
            self.assertEqual(program.stop(), 0)

    @each_way
    def test_daemonic_process_ends_with_its_worker(self, workers):
        source = """
@server.get("/")
def answer(request):
    process = fork.Process(target=time.sleep, args=(1000,), daemon=True)
    process.start()
    return str(process.pid)
"""
        with self.serve(workers, source) as program:
            program.wait_ready(max(workers, 1))
            pid = int(program.get("/")[2])
            self.assertEqual(program.stop(), 0)
            wait_gone([pid])

    @each_way
    def test_pool_beside_the_server(self, workers):
        source = """
@server.get("/")
def answer(request):
    return "hello"
server.start()
"""
        more = """
with fork.Pool(2) as pool:
    told("squares", pool.map(square, range(4)))
with concurrent.futures.ProcessPoolExecutor(2, fork) as executor:
    told("sum", sum(executor.map(square, range(4))))
process = fork.Process(target=time.sleep, args=(1000,), daemon=True)
process.start()
server.stop()
server.wait()
told("ended")
process.terminate()
process.join()
"""
        with self.serve(workers, source, more) as program:
            program.wait_ready(max(workers, 1))
            program.out.wait_for("squares [0, 1, 4, 9]")
            program.out.wait_for("sum 14")
            program.out.wait_for("ended")
            self.assertEqual(program.wait(), 0)

    def test_pool_of_the_host_outlives_the_workers(self):
        source = """
pool = fork.Pool(1)
pid = pool.apply(os.getpid)
@server.get("/")
def answer(request):
    return str(fork.active_children() is not None)
@server.on_reload
def still():
    told("pool", pool.apply(os.getpid) == pid)
"""
        with self.serve(1, source, "server.run()\ntold('pool', pool.apply(os.getpid) == pid)\npool.terminate()\n") as program:
            program.wait_ready()
            for _ in range(2):
                program.get("/")
                program.send_signal(signal.SIGHUP)
                program.out.wait_for("pool True")
                program.wait_ready()
            program.send_signal()
            program.out.wait_for("pool True")
            self.assertEqual(program.wait(), 0)

    @each_way
    def test_child_of_a_handler_can_end_by_itself(self, workers):
        source = """
@server.get("/")
def answer(request):
    pid = os.fork()
    if pid == 0:
        try:
            server.stop()
        except forker.Error as error:
            os._exit(5 if error.code == forker.E_PROCESS else 6)
        os._exit(7)
    return str(os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]))
"""
        with self.serve(workers, source) as program:
            program.wait_ready(max(workers, 1))
            self.expect(program, "/", "5")
            self.expect(program, "/", "5")
            self.assertEqual(program.stop(), 0)


if __name__ == "__main__":
    unittest.main()
