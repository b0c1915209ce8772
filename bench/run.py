#!/usr/bin/env python3
"""Compares HTTP servers by what one request costs, relative to the floor (bench/floor.c).

Server and load generator (wrk) share one core, so that requests per second are the inverse of the whole cost of a request. The
servers run in turn, several rounds; the ratio of medians goes to stdout as a Markdown table, every single measurement in
requests per second to a raw log. `make bench` builds the programs and calls this.
"""

import argparse
import contextlib
import csv
import os
import pathlib
import re
import shutil
import signal
import socket
import statistics
import subprocess
import sys
import tempfile
import time

HERE = pathlib.Path(__file__).resolve().parent
CONNECTIONS = 64
PIPELINE_DEPTH = 16  # as in pipeline.lua
START_LIMIT = 10  # seconds until a server must accept connections
STOP_LIMIT = 10  # seconds that a server has to leave after SIGTERM
BODY = b"greeting!!!"

# Mode: the heading in the table, and what wrk needs for it.
MODES = {
    "keep-alive": ("keep-alive: requests/s", []),
    "pipelined": (f"pipelined {PIPELINE_DEPTH}: cost per request", ["-s", str(HERE / "pipeline.lua")]),
    "close": ("Connection: close: requests/s", ["-H", "Connection: close"]),
}


class Failure(Exception):
    """A server or wrk did not do what the measurement needs."""


def floor_command(programs, port, mode, _scratch):
    return [programs / "floor", str(port), "close" if mode == "close" else "keep-alive"]


def program_command(name):
    return lambda programs, port, _mode, _scratch: [programs / name, f"127.0.0.1:{port}"]


def nginx_command(_programs, port, _mode, scratch):
    config = (HERE / "nginx.conf").read_text().replace("@DIR@", scratch).replace("@ADDRESS@", f"127.0.0.1:{port}")
    path = pathlib.Path(scratch, "nginx.conf")
    path.write_text(config)
    return [find_program("nginx"), "-p", scratch, "-e", "stderr", "-c", path]


SERVERS = {
    "floor": floor_command,
    "libforker": program_command("libforker"),
    "fasthttp": program_command("fasthttp"),
    "net/http": program_command("nethttp"),
    "nginx": nginx_command,
}


def find_program(name):
    path = shutil.which(name, path=os.environ.get("PATH", "") + ":/usr/sbin")
    if path is None:
        raise Failure(f"{name} is not installed")
    return path


def free_port():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def fetch(port, mode):
    """One answer, head and body, as the bytes that came."""
    with socket.create_connection(("127.0.0.1", port), timeout=START_LIMIT) as client:
        fields = b"Connection: close\r\n" if mode == "close" else b""
        client.sendall(b"GET / HTTP/1.1\r\nHost: 127.0.0.1\r\n" + fields + b"\r\n")
        answer = b""
        while not answer.endswith(BODY):
            part = client.recv(65536)
            if not part:
                break
            answer += part
    if not answer.startswith(b"HTTP/1.1 200 ") or not answer.endswith(b"\r\n\r\n" + BODY):
        raise Failure(f"unexpected answer {answer!r}")
    return answer


def wait_until_it_serves(process, port, mode):
    deadline = time.monotonic() + START_LIMIT
    while True:
        if process.poll() is not None:
            raise Failure(f"it left with status {process.returncode} instead of serving")
        try:
            return fetch(port, mode)
        except ConnectionRefusedError:
            if time.monotonic() > deadline:
                raise Failure(f"it does not accept connections after {START_LIMIT} s") from None
            time.sleep(0.01)


@contextlib.contextmanager
def running(name, mode, options):
    """Starts a server on the core and a free port; yields the port and its answer; leaves nothing of it behind."""
    with tempfile.TemporaryDirectory() as scratch:
        port = free_port()
        command = SERVERS[name](options.programs, port, mode, scratch)
        environment = {key: value for key, value in os.environ.items() if not key.startswith("FORKER_")}
        environment.update(FORKER_WORKERS="1", FORKER_LOG_LEVEL="warn")
        process = subprocess.Popen(
            ["taskset", "-c", str(options.core), *command], env=environment, stdout=sys.stderr, start_new_session=True
        )
        try:
            yield port, wait_until_it_serves(process, port, mode)
        finally:
            process.terminate()
            try:
                process.wait(STOP_LIMIT)
            except subprocess.TimeoutExpired:
                print(f"{name}: still there {STOP_LIMIT} s after SIGTERM, killed", file=sys.stderr)
            with contextlib.suppress(ProcessLookupError):
                os.killpg(process.pid, signal.SIGKILL)  # its session has a process group of its own
            process.wait()


def load(port, mode, seconds, options):
    """Runs wrk and returns requests per second."""
    command = ["taskset", "-c", str(options.core), "wrk", "-t", "1", "-c", str(CONNECTIONS), "-d", f"{seconds}s"]
    command += [*MODES[mode][1], f"http://127.0.0.1:{port}/"]
    done = subprocess.run(command, capture_output=True, text=True, timeout=seconds + 30, check=False)
    rate = re.search(r"^Requests/sec:\s+([0-9.]+)", done.stdout, re.MULTILINE)
    if done.returncode != 0 or rate is None or re.search(r"Socket errors|Non-2xx", done.stdout):
        raise Failure(f"{' '.join(command)} failed:\n{done.stdout}{done.stderr}")
    return float(rate[1])


def measure(options, log):
    """All measurements: {(server, mode): [requests per second of each round]}."""
    results = {}
    lengths = {}
    for mode in options.modes:
        for round_number in range(1, options.rounds + 1):
            for name in options.servers:
                try:
                    with running(name, mode, options) as (port, answer):
                        load(port, mode, 1, options)  # warms caches and heaps up
                        rate = load(port, mode, options.duration, options)
                except (Failure, OSError, subprocess.TimeoutExpired) as failure:
                    raise Failure(f"{name}, {mode}: {failure}") from failure
                results.setdefault((name, mode), []).append(rate)
                lengths[name] = len(answer)
                log.writerow([mode, round_number, name, f"{rate:.0f}", len(answer)])
                print(f"{mode}, round {round_number}, {name}: {rate:.0f} requests/s", file=sys.stderr)
        if lengths["floor"] != lengths.get("libforker", lengths["floor"]):
            print(f"{mode}: floor and libforker send different answers, adapt floor.c: {lengths}", file=sys.stderr)
    return results


def relative(results, name, mode):
    """A table cell: requests/s by the floor's, or, pipelined, the cost of a request by the floor's."""
    ratio = statistics.median(results[name, mode]) / statistics.median(results["floor", mode])
    return f"{1 / ratio:.1f}" if mode == "pipelined" else f"{ratio:.2f}"


def print_table(options, results):
    print("| server | " + " | ".join(MODES[mode][0] for mode in options.modes) + " |")
    print("|---|" + "---:|" * len(options.modes))
    for name in options.servers:
        print(f"| {name} | " + " | ".join(relative(results, name, mode) for mode in options.modes) + " |")
    print(f"\nRounds: {options.rounds} of {options.duration} s, {CONNECTIONS} connections. {', '.join(versions(options))}.")


def versions(options):
    """What was compared, in which version."""
    found = [f"Linux {os.uname().release.split('-')[0]}"]
    if "nginx" in options.servers:
        banner = subprocess.run([find_program("nginx"), "-v"], capture_output=True, text=True, check=True).stderr
        found.append("nginx " + banner.strip().rpartition("/")[2])
    if "fasthttp" in options.servers:
        requirement = re.search(r"valyala/fasthttp v(\S+)", (HERE / "go.mod").read_text())
        found.append("fasthttp " + requirement[1])
    if "net/http" in options.servers:
        build = subprocess.run(["go", "version", options.programs / "nethttp"], capture_output=True, text=True, check=True)
        found.append("net/http of Go " + build.stdout.split()[-1].removeprefix("go"))
    return found


def names_of(known):
    """The type of an option that takes some of the known names, separated by commas."""

    def parse(text):
        names = text.split(",")
        for name in names:
            if name not in known:
                raise argparse.ArgumentTypeError(f"{name!r} is none of {', '.join(known)}")
        return names

    return parse


def positive(text):
    number = int(text)
    if number < 1:
        raise ValueError
    return number


def parse_options():
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--programs", type=pathlib.Path, required=True, help="directory of the built servers")
    parser.add_argument("--duration", type=positive, default=5, help="seconds of one measurement (%(default)s)")
    parser.add_argument("--rounds", type=positive, default=3, help="how often each server is measured (%(default)s)")
    parser.add_argument("--servers", type=names_of(SERVERS), default=list(SERVERS), help="some of " + ",".join(SERVERS))
    parser.add_argument("--modes", type=names_of(MODES), default=list(MODES), help="some of " + ",".join(MODES))
    parser.add_argument("--core", type=int, default=min(os.sched_getaffinity(0)), help="the core to use (%(default)s)")
    parser.add_argument("--log", type=pathlib.Path, help="the raw log (PROGRAMS/raw.csv)")
    options = parser.parse_args()
    options.servers = ["floor"] + [name for name in options.servers if name != "floor"]
    options.log = options.log or options.programs / "raw.csv"
    return options


def main():
    options = parse_options()
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(1))  # so that running() cleans up
    try:
        with options.log.open("w", newline="", buffering=1) as file:
            log = csv.writer(file)
            log.writerow(["mode", "round", "server", "requests_per_second", "answer_bytes"])
            results = measure(options, log)
    except Failure as failure:
        sys.exit(f"bench: {failure}")
    except KeyboardInterrupt:
        sys.exit("bench: interrupted")
    print_table(options, results)
    print(f"Every measurement is in {options.log}", file=sys.stderr)


if __name__ == "__main__":
    main()
