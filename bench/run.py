#!/usr/bin/env python3
"""Compares HTTP servers by what one request costs, relative to the floor (bench/floor.c).

Server and load generator share one core, so that requests per second are the inverse of the whole cost of a request; in
mode cpu they have one each, and the CPU time of the server's processes is counted.
The servers run in turn, several rounds; medians of each round's ratio to the floor go to stdout as Markdown tables,
every single measurement to a raw log. `make bench` builds the programs and calls this. What is asked is in modes.py, of
whom in servers.py, how in measures.py.
"""

import argparse
import csv
import os
import pathlib
import resource
import signal
import subprocess
import sys

from measures import MEASURES
from modes import DEFAULT, GROUPS, MODES
from report import print_report
from servers import SERVERS, Failure, running

SPARE_DESCRIPTORS = 200  # what a server or a load generator needs beyond its connections


def measure(options, log):
    """All measurements: {(server, mode): {round: numbers by quantity}}, and how many a peer has failed in."""
    results, failed = {}, 0
    for mode in (MODES[name] for name in options.modes):
        names = [name for name in options.servers if SERVERS[name].serves(mode)]
        lengths = {}
        for round_number in range(1, options.rounds + 1):
            for name in names:
                try:
                    with running(name, mode, options) as server:
                        values = MEASURES[mode.measure](name, server, mode, options)
                except (Failure, OSError, subprocess.TimeoutExpired) as failure:
                    if name in ("floor", "libforker"):
                        raise Failure(f"{name}, {mode.name}: {failure}") from failure
                    print(f"{mode.name}, round {round_number}, {name}: failed: {failure}", file=sys.stderr)
                    failed += 1
                    continue
                results.setdefault((name, mode.name), {})[round_number] = values
                lengths[name] = len(server.answer)
                for quantity, value in values.items():
                    log.writerow([mode.name, round_number, name, quantity, f"{value:.1f}", lengths[name]])
                numbers = ", ".join(f"{value:.0f} {quantity}" for quantity, value in values.items())
                print(f"{mode.name}, round {round_number}, {name}: {numbers}", file=sys.stderr)
        if not mode.file and "floor" in lengths and lengths.get("floor") != lengths.get("libforker", lengths.get("floor")):
            print(f"{mode.name}: floor and libforker send different responses, adapt floor.c: {lengths}", file=sys.stderr)
    return results, failed


def raise_descriptor_limit(options):
    """To the most that is allowed; the servers inherit it."""
    _, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
    for mode in (MODES[name] for name in options.modes):
        if hard != resource.RLIM_INFINITY and hard < mode.connections + SPARE_DESCRIPTORS:
            raise Failure(f"{mode.name}: {mode.connections} connections are more than ulimit -Hn allows: {hard}")


def names_of(known, groups):
    """The type of an option that takes some of the known names, separated by commas, or "all"; groups stand for several."""

    def parse(text):
        names = list(known) if text == "all" else [name for word in text.split(",") for name in groups.get(word, [word])]
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
    compared = [name for name, server in SERVERS.items() if not server.variant]
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--programs", type=pathlib.Path, required=True, help="directory of the built servers")
    parser.add_argument("--duration", type=positive, default=5, help="seconds of one measurement (%(default)s)")
    parser.add_argument("--rounds", type=positive, default=3, help="how often each server is measured (%(default)s)")
    parser.add_argument("--rate", type=positive, default=10000, help="requests/s for latency (%(default)s)")
    parser.add_argument("--servers", type=names_of(SERVERS, {}), default=compared, help="all, or some of " + ",".join(SERVERS))
    parser.add_argument("--modes", type=names_of(MODES, GROUPS), default=list(DEFAULT), help="all, or some of " + ",".join([*GROUPS, *MODES]))
    parser.add_argument("--core", type=int, default=min(os.sched_getaffinity(0)), help="the core to use (%(default)s)")
    parser.add_argument("--client-core", type=int, help="the load generator's core in mode cpu (another one)")
    parser.add_argument("--log", type=pathlib.Path, help="the raw log (PROGRAMS/raw.csv)")
    options = parser.parse_args()
    options.servers = ["floor"] + [name for name in options.servers if name != "floor"]
    options.log = options.log or options.programs / "raw.csv"
    others = os.sched_getaffinity(0) - {options.core}
    if options.client_core is None and others:
        options.client_core = min(others)
    apart = [name for name in options.modes if MODES[name].measure in ("cpu", "python", "resumed", "storm")]
    if options.client_core is None and apart:
        options.modes = [name for name in options.modes if name not in apart]
        print(f"there is one core only: left out are {', '.join(apart)}", file=sys.stderr)
    return options


def main():
    options = parse_options()
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(1))  # so that running() cleans up
    try:
        raise_descriptor_limit(options)
        with options.log.open("w", newline="", buffering=1) as file:
            log = csv.writer(file)
            log.writerow(["mode", "round", "server", "quantity", "value", "answer_bytes"])
            results, failed = measure(options, log)
    except Failure as failure:
        sys.exit(f"bench: {failure}")
    except KeyboardInterrupt:
        sys.exit("bench: interrupted")
    print_report(options, results)
    print(f"Every measurement is in {options.log}", file=sys.stderr)
    if failed > 0:
        sys.exit(f"bench: {failed} measurements failed, see above; they are left out of the tables")


if __name__ == "__main__":
    main()
