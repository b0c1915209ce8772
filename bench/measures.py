"""The measurements: each takes a running server and returns numbers by name."""

import contextlib
import dataclasses
import os
import pathlib
import re
import statistics
import subprocess
import threading
import time

import crew
from servers import SERVERS, Failure, connect, exchange, url_of

WARM_UP = 1  # seconds that warm caches and heaps up
SLOW_INTERVAL = 5  # seconds between two steps of a slow client; most servers give a head 10 s or more
DISTURBED_LEAST = 20  # seconds that slow clients are watched; after 10 s the first of them are timed out
SETTLE_LIMIT = 10  # seconds until the memory of a server must stand still


def run_load(command, seconds):
    command = [str(word) for word in command]
    done = subprocess.run(command, capture_output=True, text=True, timeout=seconds + 60, check=False)
    if done.returncode != 0:
        raise Failure(f"{' '.join(command)} failed:\n{done.stdout}{done.stderr}")
    return done.stdout


def wrk(server, mode, seconds, core):
    """On a core: how many requests were answered, and how many in a second."""
    command = ["taskset", "-c", core, "wrk", "-t", 1, "-c", mode.connections, "-d", f"{seconds}s", "--timeout", "10s"]
    for name, value in mode.fields:
        command += ["-H", f"{name}: {value}"]
    if mode.script:
        command += mode.script[:2]
    command += [url_of(server.port, mode), *mode.script[2:]]
    output = run_load(command, seconds)
    count = re.search(r"^\s+([0-9]+) requests in ", output, re.MULTILINE)
    rate = re.search(r"^Requests/sec:\s+([0-9.]+)", output, re.MULTILINE)
    if count is None or rate is None or float(rate[1]) == 0 or re.search(r"Socket errors|Non-2xx", output):
        raise Failure(f"wrk: {output}")
    return int(count[1]), float(rate[1])


def h2load(server, mode, seconds, core):
    """The same over HTTP/2."""
    command = ["taskset", "-c", core, "h2load", "-t", 1, "-c", mode.connections, "-m", mode.streams, "-D", seconds]
    if mode.upload:
        command += ["-d", server.upload]
    for name, value in mode.fields:
        command += ["-H", f"{name}: {value}"]
    output = run_load([*command, url_of(server.port, mode)], seconds)
    count = re.search(r"^requests: .* ([0-9]+) succeeded, 0 failed, 0 errored, 0 timeout$", output, re.MULTILINE)
    rate = re.search(r"^finished in \S+, ([0-9.]+) req/s", output, re.MULTILINE)
    if count is None or rate is None or int(count[1]) == 0:
        raise Failure(f"h2load: {output}")
    return int(count[1]), float(rate[1])


def generate(server, mode, seconds, core):
    return (h2load if mode.streams else wrk)(server, mode, seconds, core)


def throughput(_name, server, mode, options):
    wrk(server, mode, WARM_UP, options.core)
    _requests, rate = wrk(server, mode, options.duration, options.core)
    return {"requests_per_second": rate}


def processes(session):
    """The pids of a session's processes."""
    for stat in pathlib.Path("/proc").glob("[0-9]*/stat"):
        with contextlib.suppress(OSError):
            if int(stat.read_text().rpartition(")")[2].split()[3]) == session:
                yield int(stat.parent.name)


def cpu_times(session):
    """{pid: nanoseconds of CPU that its threads have had, those that have ended too} of a session's processes."""
    times = {}
    for pid in processes(session):
        with contextlib.suppress(OSError):
            times[pid] = time.clock_gettime_ns(~pid << 3 | CPUCLOCK_SCHED)
    return times


CPUCLOCK_SCHED = 2  # with the pid, what clock_getcpuclockid(3) makes of it


def cpu_time(_name, server, mode, options):
    """CPU time of all processes of a server for each request, while the load generator has another core."""
    generate(server, mode, WARM_UP, options.client_core)
    before = cpu_times(server.process.pid)
    requests, rate = generate(server, mode, options.duration, options.client_core)
    after = cpu_times(server.process.pid)
    if before.keys() - after.keys():
        raise Failure("a process of the server has ended, and the time that it had cannot be told")
    spent = sum(after.values()) - sum(before.values())
    return {"cpu_ns_per_request": spent / requests, "requests_per_second": rate}


def python(name, server, mode, options):
    """The same, and the memory that the process which serves shares with no other."""
    values = cpu_time(name, server, mode, options)
    times = cpu_times(server.process.pid)
    worker = max(times, key=times.get)
    rollup = pathlib.Path(f"/proc/{worker}/smaps_rollup").read_text()
    return {**values, "private_bytes": 1024 * int(re.search(r"^Private_Dirty:\s+(\d+) kB", rollup, re.MULTILINE)[1])}


def resumed(_name, server, mode, options):
    """CPU time of all processes of a server for each connection that goes on with an earlier session, for one request."""
    os.sched_setaffinity(0, {options.client_core})
    session, count, before, deadline = None, 0, None, time.monotonic() + WARM_UP
    while before is None or time.monotonic() < deadline:
        if before is None and time.monotonic() >= deadline:
            count, before, deadline = 0, cpu_times(server.process.pid), deadline + options.duration
        with connect(server.port, mode, session) as client:
            exchange(client, mode)
            if session is not None and not client.session_reused:
                raise Failure("a session is not resumed")
            session, count = client.session, count + 1
    spent = sum(cpu_times(server.process.pid).values()) - sum(before.values())
    return {"cpu_ns_per_request": spent / count}


STORM_INTERVAL = 0.005  # seconds between two requests of the quiet client


def quiet_latency(server, mode, seconds):
    """The median latency in microseconds of a client that keeps its connection and asks now and then."""
    quiet = dataclasses.replace(mode, fields=())
    latencies, deadline = [], time.monotonic() + seconds
    with connect(server.port, mode) as client:
        while time.monotonic() < deadline:
            begin = time.perf_counter()
            exchange(client, quiet)
            latencies.append(1e6 * (time.perf_counter() - begin))
            time.sleep(STORM_INTERVAL)
    return statistics.median(latencies)


def storm(_name, server, mode, options):
    """What a quiet client notices while others open connections as fast as they can, each with a full handshake."""
    os.sched_setaffinity(0, {options.client_core})
    alone = quiet_latency(server, mode, WARM_UP)
    others = threading.Thread(target=wrk, args=(server, mode, WARM_UP + options.duration, options.client_core))
    others.start()
    try:
        time.sleep(WARM_UP / 2)
        among = quiet_latency(server, mode, options.duration)
    finally:
        others.join()
    return {"p50_us": alone, "p50_storm_us": among}


def steady(server, mode, rate, seconds, options):
    """By load/rate.c: responses per second, and latency in microseconds at 50, 90, 99, 99.9 and 100 percent."""
    command = ["taskset", "-c", options.core, options.programs / "rate", server.port, mode.connections, rate, seconds]
    _requests, *numbers = map(float, run_load(command, seconds).split())
    return numbers


def crowd(_name, server, mode, options):
    """Requests per second with many connections, which wrk would still be opening while it measures."""
    steady(server, mode, 0, WARM_UP, options)
    return {"requests_per_second": steady(server, mode, 0, options.duration, options)[0]}


def latency(_name, server, mode, options):
    """At a fixed rate."""
    steady(server, mode, options.rate, WARM_UP, options)
    achieved, p50, _p90, p99, p999, _most = steady(server, mode, options.rate, options.duration, options)
    if achieved < 0.9 * options.rate:
        raise Failure(f"it answers {achieved:.0f} requests/s where {options.rate} are sent; choose a lower --rate")
    return {"p50_us": p50, "p99_us": p99, "p99.9_us": p999}


@contextlib.contextmanager
def slow_clients(server, mode, options):
    """Clients of load/slow.c, on the other cores if there are some."""
    cores = os.sched_getaffinity(0) - {options.core} or {options.core}
    command = ["taskset", "-c", ",".join(map(str, cores)), options.programs / "slow"]
    command += [server.port, mode.others, mode.others_count, SLOW_INTERVAL]
    with subprocess.Popen([str(word) for word in command], stdout=subprocess.PIPE, text=True) as clients:
        try:
            if clients.stdout.readline() != "ready\n":
                raise Failure("the slow clients do not begin")
            yield
            if clients.poll() is not None:
                raise Failure("the slow clients have ended")
        finally:
            clients.kill()


def disturbed(_name, server, mode, options):
    """Latency of normal clients at a fixed rate, without and with slow ones."""
    seconds = max(options.duration, DISTURBED_LEAST)
    steady(server, mode, options.rate, WARM_UP, options)
    _achieved, _p50, _p90, alone, *_ = steady(server, mode, options.rate, seconds, options)
    with slow_clients(server, mode, options):
        _achieved, _p50, _p90, among, *_ = steady(server, mode, options.rate, seconds, options)
    return {"p99_us": alone, "p99_disturbed_us": among}


def private_memory(session):
    """Bytes that the processes of a session have for themselves: their share of anonymous memory."""
    total = 0
    for pid in processes(session):
        with contextlib.suppress(OSError):
            rollup = pathlib.Path(f"/proc/{pid}/smaps_rollup").read_text()
            total += 1024 * int(re.search(r"^Pss_Anon:\s+(\d+) kB", rollup, re.MULTILINE)[1])
    return total


def settled_memory(session):
    """The same, once two looks half a second apart see the same."""
    deadline = time.monotonic() + SETTLE_LIMIT
    before = private_memory(session)
    while True:
        time.sleep(0.5)
        now = private_memory(session)
        if now == before or time.monotonic() > deadline:
            return now
        before = now


def idle_memory(name, server, mode, options):
    """User-space memory of a connection that has had its response and is kept open."""
    connections = min(mode.connections, SERVERS[name].most_connections)
    wrk(server, dataclasses.replace(mode, connections=64), WARM_UP, options.core)
    before = settled_memory(server.process.pid)
    with contextlib.ExitStack() as clients:
        for _ in range(connections):
            client = clients.enter_context(connect(server.port, mode))
            exchange(client, mode)
        after = settled_memory(server.process.pid)
    return {"bytes_per_connection": max(after - before, 0) / connections}


def balance(_name, server, mode, options):
    """How connections spread over workers."""
    return crew.spread(server, mode, lambda: wrk(server, mode, options.duration, options.core))


MEASURES = {
    "rate": throughput,
    "cost": throughput,
    "cpu": cpu_time,
    "python": python,
    "resumed": resumed,
    "storm": storm,
    "crowd": crowd,
    "latency": latency,
    "disturbed": disturbed,
    "memory": idle_memory,
    "balance": balance,
    "kills": crew.kills,
}
