"""``python3 -m forker``: settings, configuration files, preload and reload."""

import contextlib
import ctypes
import json
import os
import re
import signal
import subprocess
import sys
import tempfile
import time
import unittest
from pathlib import Path
from unittest import mock

from forker.cli.accesslog import AccessLog
from program import TIMEOUT, Program

APPLICATION = """
import gc, json, os, threading

os.write(1, b"imported in %d\\n" % os.getpid())

def application(environ, start_response):
    start_response("200 OK", [("Content-Type", "application/json")])
    return [json.dumps({
        "version": 1,
        "pid": os.getpid(),
        "frozen": gc.get_freeze_count(),
        "variable": os.environ.get("VARIABLE"),
        "script_name": environ["SCRIPT_NAME"],
        "multithread": environ["wsgi.multithread"],
    }).encode()]

def make(greeting="hello", *, sign="!"):
    def made(environ, start_response):
        start_response("200 OK", [])
        return [(greeting + sign).encode()]
    return made

async def asynchronous(scope, receive, send):
    if scope["type"] == "lifespan":
        await receive()
        os.write(1, b"begins\\n")
        await send({"type": "lifespan.startup.complete"})
        await receive()
        os.write(1, b"ends\\n")
        return await send({"type": "lifespan.shutdown.complete"})
    import asyncio
    await send({"type": "http.response.start", "status": 200})
    await send({"type": "http.response.body", "body": json.dumps({
        "version": 1,
        "pid": os.getpid(),
        "root_path": scope["root_path"],
        "path": scope["path"],
        "loop": type(asyncio.get_running_loop()).__module__.partition(".")[0],
    }).encode()})
class Asynchronous:
    async def __call__(self, scope, receive, send):
        await asynchronous(scope, receive, send)
def make_asynchronous():
    return Asynchronous()
"""

# An application whose standard output is a pipe that nobody reads.
STOPPED = """
import os
ends = os.pipe()
os.dup2(ends[1], 1)
def application(environ, start_response):
    start_response("200 OK", [])
    return [b"served"]
"""


class CommandTest(unittest.TestCase):
    def setUp(self):
        self.directory = Path(self.enterContext(tempfile.TemporaryDirectory()))
        self.write("app.py", APPLICATION)

    def enterContext(self, context):  # unittest has it since Python 3.11
        value = context.__enter__()
        self.addCleanup(context.__exit__, None, None, None)
        return value

    def write(self, name, text):
        file = self.directory / name
        file.write_text(text)
        return file

    @contextlib.contextmanager
    def serving(self, *arguments, environment=None):
        """The command, which serves."""
        arguments = ["--chdir", str(self.directory), "-b", "127.0.0.1:0", *arguments]
        source = f"import runpy; sys.argv[1:] = {arguments!r}; runpy.run_module('forker', run_name='__main__')"
        with Program(source, {"PYTHONDONTWRITEBYTECODE": "1", **(environment or {})}) as program:
            program.address = program.log.wait_for("serving on").split()[-1]
            if not any("all workers are ready" in line for line in program.log.seen):
                program.log.wait_for("all workers are ready")
            yield program

    def call(self, *arguments, environment=None):
        """The command, which ends. Returns its exit status and what it says."""
        done = subprocess.run(
            [sys.executable, "-m", "forker", "--chdir", str(self.directory), *arguments],
            env={**os.environ, "PYTHONPATH": os.pathsep.join(sys.path), **(environment or {})},
            capture_output=True,
            text=True,
            timeout=TIMEOUT,
        )
        return done.returncode, done.stdout + done.stderr

    def wait_until(self, condition):
        until = time.monotonic() + TIMEOUT
        while not condition():
            self.assertLess(time.monotonic(), until)
            time.sleep(0.02)

    def seen(self, program, target="/"):
        return json.loads(program.get(target)[2])


class StartTest(CommandTest):
    def test_an_application_is_served(self):
        with self.serving("-w", "1", "-e", "VARIABLE=value", "--threads", "2", "--root-path", "/app", "app") as program:
            seen = self.seen(program, "/app/x")
            self.assertEqual((seen["variable"], seen["script_name"], seen["multithread"]), ("value", "/app", True))
            self.assertEqual(program.get("/")[0], 404)
            self.assertEqual(program.stop(), 0)

    def test_factories(self):
        for arguments, expected in (
            (["app:make()"], b"hello!"),
            (["app:make('bye', sign='.')"], b"bye."),
            (["--factory", "app:make"], b"hello!"),
        ):
            with self.subTest(arguments=arguments), self.serving("-w", "1", *arguments) as program:
                self.assertEqual(program.get("/")[2], expected)
                self.assertEqual(program.stop(), 0)

    def test_an_asgi_application_is_served(self):
        for arguments in (
            ["app:asynchronous"],
            ["app:Asynchronous()"],
            ["--factory", "app:make_asynchronous"],
            ["--no-preload", "app:asynchronous"],
            ["-k", "uvicorn.workers.UvicornWorker", "app:asynchronous"],
            ["--interface", "asgi", "--no-preload", "app:asynchronous"],
        ):
            arguments = ["-w", "1", "--root-path", "/app", "--loop", "asyncio", *arguments]
            with self.subTest(arguments=arguments), self.serving(*arguments) as program:
                for target in ("/app/x", "/x"):
                    seen = self.seen(program, target)
                    self.assertEqual((seen["root_path"], seen["path"], seen["loop"]), ("/app", "/app/x", "asyncio"))
                self.assertEqual(program.stop(), 0)
                self.assertIn("begins", program.out.seen)
                self.assertIn("ends", program.out.seen)

    def test_what_cannot_be_imported_is_told_without_preload_too(self):
        self.write("broken.py", "1 // 0\n")
        for name, sentence in (("broken", "broken cannot be imported"), ("app:nothing", "has no 'nothing'")):
            status, said = self.call("--no-preload", "-b", "127.0.0.1:0", name)
            self.assertIn(sentence, said)
            self.assertEqual(status, 2, said)

    def test_what_cannot_be_served(self):
        self.write("broken.py", "1 // 0\n")
        self.write("incomplete.py", "import nowhere_to_be_found\n")
        self.write("leaves.py", "import sys; sys.exit(0)\n")
        for arguments, sentence in (
            ([], "MODULE:APP is missing"),
            (["nowhere:app"], "there is no module 'nowhere'"),
            (["app:nothing"], "module 'app' has no 'nothing'"),
            (["app:os.sep"], "is str, which is no application"),
            (["app:1 + 1"], "is no name of an application"),
            (["app:make(1, 2)"], "cannot be called so"),
            (["app:make(os)"], "are no literals"),
            (["--threads", "2", "app:asynchronous"], "--threads is for WSGI, and app:asynchronous speaks ASGI"),
            (["--threads", "2", "--interface", "asgi", "app:make"], "--threads is for WSGI, and app:make speaks ASGI"),
            (["--interface", "rsgi", "app"], "'rsgi' is none of auto, wsgi, asgi"),
            (["--loop", "trio", "app"], "'trio' is none of auto, asyncio, uvloop"),
            (["broken"], "ZeroDivisionError"),
            (["incomplete"], "nowhere_to_be_found"),
            (["leaves"], "leaves has called sys.exit(0)"),
            (["--no-preload", "-w", "0", "leaves"], "leaves has called sys.exit(0)"),
            ([":app"], "':app' is not MODULE:APP"),
            ([".app:application"], "'.app:application' is not MODULE:APP"),
            (["-b", "localhost:http", "app"], "localhost:http: the port is not a number from 0 to 65535"),
            (["--port", "65536", "app"], "127.0.0.1:65536: the port is not a number"),
            (["--keyfile", "key.pem", "app"], "--certfile is not given"),
            (["-w", "many", "app"], "--workers: 'many' is no number"),
            (["-k", "gevent", "app"], "'gevent' is no class of workers here"),
            (["--threads", "0", "app"], "is no number of threads"),
            (["-o", "no_such=1", "app"], 'no option "no_such"'),
            (["-e", "VALUE", "app"], "'VALUE' is not NAME=VALUE"),
            (["--certfile", "nowhere.pem", "app"], "nowhere.pem"),
            (["-c", "nowhere.py", "app"], "nowhere.py"),
        ):
            with self.subTest(arguments=arguments):
                status, said = self.call("--check", *arguments)
                self.assertIn(sentence, said)
                self.assertEqual(status, 2, said)
        self.assertEqual(self.call("-b", "1.2.3.4.5:80", "app")[0], 2)
        self.assertEqual(self.call("--check", "app")[0], 0)

    def test_directories_are_served_beside_the_application(self):
        for name in ("one", "two"):
            (self.directory / name).mkdir()
            self.write(f"{name}/file.txt", name)
        with self.serving("-w", "1", "--static", "/one/=one", "--static", "/two=two", "app") as program:
            self.assertEqual([program.get(f"/{name}/file.txt")[2] for name in ("one", "two")], [b"one", b"two"])
            self.assertEqual(program.get("/one/missing.txt")[0], 404)
            self.assertEqual(self.seen(program, "/other")["version"], 1)
            self.assertEqual(program.stop(), 0)

    def test_settings_become_options(self):
        arguments = "-w 3 -t 7 --graceful-timeout 1.5 --keep-alive 0.5 --max-requests 5 --log-level warning -o max_body=9m"
        status, said = self.call("--print-config", *arguments.split(), "app")
        self.assertEqual(status, 0)
        options = dict(line.split(None, 1) for line in said.splitlines() if " " in line.strip())
        for name, value in {
            "workers": "3", "hang_timeout": "7s", "drain_timeout": "1500ms", "idle_timeout": "500ms", "max_requests": "5",
            "log_level": "warn", "max_body": "9m",
        }.items():  # fmt: skip
            self.assertEqual(options[name], value, name)
        said = self.call("--print-config", "-t", "0", "app", environment={"WEB_CONCURRENCY": "5"})[1]
        self.assertRegex(said, "\nhang_timeout +off")
        self.assertRegex(said, "\nworkers +5")

    def test_addresses(self):
        socket = self.directory / "socket"
        with self.serving("-w", "1", "--uds", str(socket), "--host", "::1", "--port", "0", "app") as program:
            told = "\n".join(program.log.seen)  # before the workers are ready, or so soon after that it is read next
            told = told if "serving on unix:" in told else told + "\n" + program.log.wait_for("serving on unix:")
            told += "\n".join(program.log.seen)
            program.address = re.search(r"serving on (\[::1\]:\S+)", told)[1]
            self.assertEqual(self.seen(program)["version"], 1)
            self.assertEqual(program.stop(), 0)

    def test_logging_by_a_configuration(self):
        config = {
            "version": 1,
            "formatters": {"own": {"format": "own %(name)s %(levelname)s %(message)s"}},
            "handlers": {"file": {"class": "logging.FileHandler", "filename": "log", "formatter": "own"}},
            "loggers": {name: {"handlers": ["file"], "level": "INFO"} for name in ("forker.error", "forker.access")},
        }
        self.write("log.json", json.dumps(config))
        ini = """
[loggers]
keys=root
[handlers]
keys=file
[formatters]
keys=own
[logger_root]
level=INFO
handlers=file
[handler_file]
class=FileHandler
args=("log",)
formatter=own
[formatter_own]
format=own %(name)s %(levelname)s %(message)s
"""
        self.write("log.ini", ini)
        for name in ("log.json", "log.ini"):
            log = self.directory / "log"
            log.unlink(missing_ok=True)
            arguments = ["--chdir", str(self.directory), "-b", "127.0.0.1:0", "-w", "1"]
            arguments += ["--access-log", "--log-config", name, "app"]
            source = f"import runpy; sys.argv[1:] = {arguments!r}; runpy.run_module('forker', run_name='__main__')"
            with self.subTest(name=name), Program(source) as program:
                said = ("workers are ready", "serving on")
                self.wait_until(lambda: log.exists() and all(text in log.read_text() for text in said))
                program.address = re.search(r"own forker.error INFO .*serving on (\S+)", log.read_text())[1]
                program.get("/asked")
                self.wait_until(lambda: re.search(r'own forker.access INFO .*"GET /asked HTTP/1.1" 200', log.read_text()))
                self.assertEqual(program.stop(), 0)
                self.assertFalse([line for line in program.log.seen if "serving on" in line])
        self.write("broken.json", "[]")
        self.write("broken.ini", "[loggers]")
        for arguments, sentence in (
            (["--log-config", "broken.json"], "broken.json: this is no dictionary"),
            (["--log-config", "broken.ini"], "broken.ini: "),
            (["--log-config", "nowhere.ini"], "nowhere.ini"),
            (["--static", "static"], "'static' is not PREFIX=DIRECTORY"),
            (["--static", "/static=nowhere"], "nowhere"),
        ):
            status, said = self.call("--check", *arguments, "app")
            self.assertIn(sentence, said)
            self.assertEqual(status, 2, said)

    def test_access_log(self):
        for file in (self.directory / "access", "-"):
            with self.serving("-w", "1", "--access-logfile", str(file), "--access-logformat", "common", "app") as program:
                program.get("/x")
                if file == "-":
                    program.out.wait_for('"GET /x HTTP/1.1" 200')
                self.assertEqual(program.stop(), 0)
            if file != "-":
                self.assertIn('"GET /x HTTP/1.1" 200', file.read_text())

    def test_access_log_whose_reader_has_stopped_holds_nobody_up(self):
        self.write("stopped.py", STOPPED)
        for log_format in ("common", "%(U)s %(a)s"):
            arguments = ["-w", "1", "--access-logfile", "-", "--access-logformat", log_format, "stopped"]
            with self.subTest(log_format=log_format), self.serving(*arguments) as program:
                for _ in range(40):  # more than a pipe holds
                    self.assertEqual(program.get("/" + 6000 * "x")[2], b"served")
                program.log.wait_for("lost: whoever reads them does not keep up, or has stopped")
                self.assertEqual(program.stop(), 0)

    def test_access_log_tells_of_each_line_that_is_lost(self):
        fifo = self.directory / "fifo"
        os.mkfifo(fifo)
        reader = os.open(fifo, os.O_RDONLY | os.O_NONBLOCK)
        self.addCleanup(os.close, reader)
        asked = 40  # more than a pipe holds
        with self.serving("-w", "1", "--access-logfile", str(fifo), "--access-logformat", "%(U)s %(a)s", "app") as program:
            for _ in range(asked):
                program.get("/" + 6000 * "x")
            self.assertEqual(program.stop(), 0)
            said = "\n".join(program.log.wait_for_end())
        lost = [int(number) for number in re.findall(r"access log: (\d+) lines? (?:was|were) lost: whoever reads", said)]
        self.assertEqual(sum(lost), asked - os.read(reader, 1 << 20).count(b"\n"), said)

    def test_access_log_tells_of_lost_lines_once_a_second(self):
        fifo, warned, line = self.directory / "fifo", [], 5000 * "x"
        os.mkfifo(fifo)
        reader = os.open(fifo, os.O_RDONLY | os.O_NONBLOCK)
        self.addCleanup(os.close, reader)
        log = AccessLog(str(fifo), None, warned.append)
        self.addCleanup(os.close, log._fd)
        with mock.patch("time.monotonic", return_value=0.0) as clock:
            while not warned:
                log.write(line)
            log.write(line)
            log.write(line)
            os.read(reader, 1 << 20)
            log.write("there is room")
            self.assertEqual(len(warned), 1)
            clock.return_value = 1.0
            log.write("there is room")
        self.assertIn("1 line was lost", warned[0])
        self.assertIn("2 lines were lost", warned[1])

    def test_access_log_is_opened_as_by_the_library(self):
        modes = []
        for log_format in ("common", "%(U)s %(a)s"):
            file = self.directory / f"access-{len(modes)}"
            with self.serving("-w", "1", "--access-logfile", str(file), "--access-logformat", log_format, "app") as program:
                self.assertEqual(program.stop(), 0)
            modes.append(file.stat().st_mode)
        self.assertEqual(modes[0], modes[1])
        fifo = self.directory / "fifo"  # nobody reads it
        os.mkfifo(fifo)
        status, said = self.call("--check", "--access-logfile", str(fifo), "--access-logformat", log_format, "app")
        self.assertEqual(status, 2, said)
        self.assertIn("No such device or address", said)

    def test_access_log_in_a_format_of_gunicorn(self):
        file = self.directory / "access"
        own = '%(h)s %(t)s "%(r)s" %(m)s %(U)s %(q)s %(s)s %(B)s %(b)s "%(f)s" "%(a)s" %(D)s %(L)s %(p)s 100%%'
        arguments = ["-w", "1", "--access-logfile", str(file), "--access-logformat", own]
        with self.serving(*arguments, "app:make()") as program:
            program.get("/x?y", {"User-Agent": 'a "client"'})
            self.wait_until(lambda: file.read_text())
            rotated = file.rename(self.directory / "rotated")
            program.send_signal(signal.SIGUSR1)
            self.wait_until(file.exists)
            program.get("/z")
            self.assertEqual(program.stop(), 0)
        self.assertRegex(
            rotated.read_text(),
            r'^127\.0\.0\.1 \[\d\d/\w{3}/\d{4}:\d\d:\d\d:\d\d [+-]\d{4}\] "GET /x\?y HTTP/1\.1" GET /x y 200 6 6 "-" '
            r'"a \\"client\\"" \d+ 0\.\d{6} <\d+> 100%\n$',
        )
        self.assertIn("GET /z HTTP/1.1", rotated.read_text() + file.read_text())
        arguments += ["-o", "trusted_proxies=127.0.0.1", "-o", "forwarded=x-forwarded-for"]
        with self.serving(*arguments, "app:make()") as program:
            program.get("/proxied", {"X-Forwarded-For": "192.0.2.7"})
            self.assertEqual(program.stop(), 0)
        self.assertRegex(file.read_text(), r'(?m)^192\.0\.2\.7 .* "GET /proxied ')
        for wrong in ("%(nothing)s", "text", "%(h)s %d", "%(h)s 100%"):
            status, said = self.call("--check", "--access-logformat", wrong, "app")
            self.assertEqual(status, 2, said)


class ConfigurationTest(CommandTest):
    def test_a_file_of_gunicorn(self):
        self.write(
            "settings.py",
            """
import multiprocessing
import os
bind = ["127.0.0.1:0"]
workers = 1
threads = 2
worker_class = "gthread"
timeout = 30
keepalive = 2
max_requests_jitter = 50
worker_tmp_dir = "/dev/shm"
accesslog = None
pidfile = None
user = None
statsd_host = "localhost:8125"
raw_env = ["VARIABLE=from the file"]
wsgi_app = "app:application"
def told(text):
    os.write(1, (text + "\\n").encode())
def on_starting(server): told("on_starting")
def when_ready(server): told(f"when_ready {server.pid == os.getpid()}")
def pre_fork(server, worker): told("pre_fork")
def post_fork(server, worker): told(f"post_fork {worker.age} {worker.pid == os.getpid()}")
def post_worker_init(worker): told("post_worker_init")
def worker_exit(server, worker): told("worker_exit")
def on_exit(server):
    told("on_exit")
    server.log.info("this is %s", "the end")
""",
        )
        with self.serving("-c", str(self.directory / "settings.py"), "-e", "VARIABLE=given") as program:
            self.assertIn("not known here: worker_tmp_dir, statsd_host", program.log.seen[0])
            seen = self.seen(program)
            self.assertEqual((seen["variable"], seen["multithread"]), ("given", True))
            program.out.wait_for("when_ready True")
            self.assertEqual(program.stop(), 0)
            told = [line for line in program.out.seen if not line.startswith(("imported", "when_ready"))]
            self.assertEqual(
                told,
                ["on_starting", "pre_fork", "post_fork 1 True", "post_worker_init", "worker_exit", "on_exit"],
            )
            self.assertRegex("\n".join(program.log.seen), r"info \S+: this is the end")

    def test_wrong_values(self):
        for line, sentence in (
            ("workers = 'x'", "workers: 'x' is no number"),
            ("timeout = -1", "timeout: -1 is no number of seconds"),
            ("reload = 1", "reload: 1 is neither True nor False"),
            ("worker_class = 'gevent'", "worker_class: 'gevent' is no class"),
            ("bind = 8", "bind: 8 is no list of texts"),
        ):
            file = self.write("settings.py", line)
            status, said = self.call("--check", "-c", str(file), "app")
            self.assertEqual(status, 2)
            self.assertIn(f"settings.py: {sentence}", said)

    def test_a_file_that_fails(self):
        for text, why in (("1 // 0", "ZeroDivisionError"), ("def f(:", "SyntaxError"), ("import sys; sys.exit(0)", "SystemExit")):
            file = self.write("settings.py", text)
            status, said = self.call("--check", "-c", str(file), "app")
            self.assertEqual(status, 2)
            self.assertIn(why, said)
            self.assertIn(f"forker: {file} has failed", said)


def adopt_orphans():
    """Makes the processes whose parent ends children of this one: of an upgrade the new server."""
    pr_set_child_subreaper = 36
    ctypes.CDLL(None).prctl(pr_set_child_subreaper, 1, 0, 0, 0)


class PreloadTest(CommandTest):
    def imports(self, program):
        return sum(line.startswith("imported") for line in program.out.seen)

    def test_the_application_is_imported_once(self):
        with self.serving("-w", "2", "app") as program:
            seen = self.seen(program)
            self.assertGreater(seen["frozen"], 1000)
            self.assertEqual(program.stop(), 0)
            self.assertEqual(self.imports(program), 1)
            self.assertIn(f"imported in {program.pid}", program.out.seen)

    def test_or_in_each_worker(self):
        with self.serving("-w", "2", "--no-preload", "--interface", "wsgi", "app") as program:
            self.assertEqual(self.seen(program)["frozen"], 0)
            self.assertEqual(program.stop(), 0)
            self.assertEqual(self.imports(program), 2)
            self.assertNotIn(f"imported in {program.pid}", program.out.seen)

    def test_threads_are_named(self):
        self.write("app.py", "import threading, time\n" + APPLICATION + """
threading.Thread(target=time.sleep, args=(1e6,), name="ticker", daemon=True).start()
""")  # fmt: skip
        with self.serving("-w", "1", "app") as program:
            self.assertTrue(any("threads that the workers do not have: ticker" in line for line in program.log.seen))
            self.assertEqual(program.stop(), 0)

    def wait_for_version(self, program, version):
        self.wait_until(lambda: self.seen(program)["version"] == version)

    def change(self):
        self.write("app.py", APPLICATION.replace('"version": 1', '"version": 2'))

    def test_reload_by_signal_takes_new_code_without_preload(self):
        with self.serving("-w", "1", "--no-preload", "app") as program:
            self.assertEqual(self.seen(program)["version"], 1)
            self.change()
            program.send_signal(signal.SIGHUP)
            self.wait_for_version(program, 2)
            self.assertEqual(program.stop(), 0)

    def test_preloaded_code_is_renewed_by_an_upgrade(self):
        adopt_orphans()
        with self.serving("-w", "1", "app") as program:
            before = self.seen(program)["pid"]
            self.change()
            program.send_signal(signal.SIGHUP)
            program.log.wait_for("reload")
            self.wait_until(lambda: self.seen(program)["pid"] != before)
            self.assertEqual(self.seen(program)["version"], 1)
            program.send_signal(signal.SIGUSR2)
            self.wait_for_version(program, 2)
            # The new process is not the one that was started here.
            program.send_signal_to_all(signal.SIGTERM)
            with contextlib.suppress(ChildProcessError):
                while True:
                    os.waitpid(-program.pid, 0)

    def test_reload_by_patterns(self):
        for name in ("note.txt", "skipped.txt", "other.dat"):
            self.write(name, "one")
        patterns = ["--reload-include", "*.txt", "--reload-exclude", "skipped*"]
        with self.serving("-w", "1", "--reload", "--interface", "wsgi", *patterns, "app") as program:
            self.assertEqual(self.seen(program)["version"], 1)
            for name in ("other.dat", "skipped.txt", "note.txt"):
                self.write(name, "changed")
            program.log.wait_for("note.txt changed: reloading")
            program.log.wait_for("reload: done")
            self.assertEqual(program.stop(), 0)

    def test_reload_when_a_file_changes(self):
        extra = self.write("extra.txt", "one")
        with self.serving("-w", "2", "--reload", "--reload-extra-file", str(extra), "app") as program:
            self.assertEqual(self.seen(program)["version"], 1)
            self.change()
            program.log.wait_for("app.py changed: reloading")
            program.log.wait_for("reload: done")
            self.assertEqual(self.seen(program)["version"], 2)
            # What cannot be imported does not replace what serves, and is tried again when it has changed.
            self.write("app.py", "1 // 0\n")
            program.log.wait_for("app.py changed: reloading")
            program.log.wait_for("ZeroDivisionError")
            program.log.wait_for("reload: given up")
            self.assertEqual(self.seen(program)["version"], 2)
            self.write("app.py", APPLICATION)
            program.log.wait_for("app.py changed: reloading")
            program.log.wait_for("reload: done")
            self.wait_for_version(program, 1)
            extra.write_text("two")
            program.log.wait_for("extra.txt changed: reloading")
            program.log.wait_for("reload: done")
            self.assertEqual(program.stop(), 0)


if __name__ == "__main__":
    unittest.main()
