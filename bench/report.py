"""The results as Markdown tables."""

import os
import statistics

from modes import CONNECTIONS, GRPC, HTTP2, MODES, PYTHON, STATIC, TLS
from servers import SERVERS

# Of measures whose numbers stand for themselves, by heading.
COLUMNS = {
    "balance": {"the least a worker accepts, % of its share": "least_percent", "the most": "most_percent"},
    "kills": {"requests": "requests", "kills": "kills", "lost for each kill": "lost_per_kill"},
    "storm": {"a quiet client's 50 % of latency in microseconds": "p50_us", "in a storm of RSA handshakes": "p50_storm_us"},
}
QUANTITIES = {"memory": "bytes_per_connection", "cpu": "cpu_ns_per_request", "resumed": "cpu_ns_per_request"}
REFERENCES = {STATIC: "nginx", TLS: "nginx", HTTP2: "h2o", GRPC: "grpc-go"}  # by table, what is compared with; else the floor
LATENCY_COLUMNS = {"p50_us": "50 %", "p99_us": "99 %", "p99.9_us": "99.9 %"}


def columns_of(mode):
    """Pairs of heading and quantity."""
    if mode.measure in COLUMNS:
        return list(COLUMNS[mode.measure].items())
    if mode.measure == "disturbed":
        return [(f"{mode.heading}: without", "p99_us"), ("with", "p99_disturbed_us"), ("ratio", "ratio")]
    if mode.measure == "latency":
        return [(heading, quantity) for quantity, heading in LATENCY_COLUMNS.items()]
    if mode.measure == "python":
        return [(mode.heading, "cpu_ns_per_request"), ("MiB", "private_bytes")]
    return [(mode.heading, QUANTITIES.get(mode.measure, "requests_per_second"))]


def median_of(rounds, quantity):
    return statistics.median(values[quantity] for values in rounds.values())


def relative(rounds, reference, quantity):
    """To the reference's of the same round: a machine that is slower for a while is that for both."""
    return statistics.median(values[quantity] / reference[number][quantity] for number, values in rounds.items() if number in reference)


def cell(results, name, mode, quantity):
    if (name, mode.name) not in results:
        return "—"
    rounds = results[name, mode.name]
    if quantity == "ratio":
        return f"{statistics.median(values['p99_disturbed_us'] / values['p99_us'] for values in rounds.values()):.2f}"
    if mode.table == PYTHON:
        median = median_of(rounds, quantity)
        return f"{median / 1000:.1f}" if quantity == "cpu_ns_per_request" else f"{median / 2**20:.1f}"
    if mode.measure in COLUMNS or mode.measure in ("latency", "memory", "disturbed"):
        median = median_of(rounds, quantity)
        return f"{median:.3g}" if mode.measure in COLUMNS and median < 1000 else f"{median:.0f}"
    reference = results.get((REFERENCES.get(mode.table, "floor"), mode.name))
    if reference is None:
        return f"{median_of(rounds, quantity):.0f} ns"
    ratio = relative(rounds, reference, quantity)
    return f"{1 / ratio:.1f}" if mode.measure == "cost" else f"{ratio:.2f}"


def print_table(title, modes, options, results):
    columns = [(mode, heading, quantity) for mode in modes for heading, quantity in columns_of(mode)]
    print(f"### {title}\n")
    print("| server | " + " | ".join(heading for _, heading, _ in columns) + " |")
    print("|---|" + "---:|" * len(columns))
    for name in options.servers:
        if any((name, mode.name) in results for mode in modes):
            print(f"| {name} | " + " | ".join(cell(results, name, mode, quantity) for mode, _, quantity in columns) + " |")
    print()


# What servers for Python are compared with, in the same round: pairs of server and reference.
PYTHON_RATIOS = (
    ("python-forker", "libforker"),
    ("python-forker", "python-uwsgi"),
    ("python-forker", "python-uvicorn"),
    ("python-forker", "python-gunicorn"),
    ("python-forker-ctypes", "python-gunicorn"),
)


def print_ratios(modes, results):
    for mode in modes:
        for name, reference in PYTHON_RATIOS:
            ours, theirs = results.get((name, mode.name)), results.get((reference, mode.name))
            if ours and theirs:
                ratio = relative(ours, theirs, "cpu_ns_per_request")
                print(f"- {mode.name}: CPU time of {name} by {reference}'s: {ratio:.2f}")
    print()


def print_report(options, results):
    modes = [MODES[name] for name in options.modes]
    for title in dict.fromkeys(mode.table for mode in modes):
        print_table(title, [mode for mode in modes if mode.table == title], options, results)
        if title == PYTHON:
            print_ratios([mode for mode in modes if mode.table == title], results)
    print(f"Rounds: {options.rounds} of {options.duration} s, {CONNECTIONS} connections where nothing else is said.")
    if any(mode.measure in ("latency", "disturbed") for mode in modes):
        print(f"Latency at {options.rate} requests/s.")
    found = [f"Linux {os.uname().release.split('-')[0]}"]
    found += [f"{name} {SERVERS[name].version(options.programs)}" for name in options.servers if name != "floor"]
    print(", ".join(found) + ".")
