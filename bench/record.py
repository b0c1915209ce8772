#!/usr/bin/env python3
"""Records what libforker's workers spend their time on while they serve, as a profile for Go's compiler.

`make profile` builds a library that records (capi/profiling_on.go) and calls this: the server of the benchmark is asked what MODES
say, and what its workers have recorded becomes one file. See RATIONALE.md for what that is good for.
"""

import argparse
import gzip
import os
import pathlib
import subprocess
import sys
import tempfile
import types

import modes
from measures import generate
from servers import running

MODES = (
    "cpu keep-alive close pipelined headers get-64k post-1k post-64k pool deferred tls tls-64k tls-close"
    " h2-1 h2-10 h2-100 h2-64k h2-post h2-tls-10 h2-tls-100 grpc-1 grpc-10 grpc-100 grpc-stream"
).split()
# Of profile.proto.
LENGTH_DELIMITED = 2  # the kind of a field that is no number: there are no others
STRING_TABLE = 6  # the field of the message Profile with all its texts


def record(name, directory, options):
    """Has a server asked what a mode says; its workers leave their profiles in the directory."""
    os.environ.update(LIBFORKER_PROFILE=str(directory), LD_LIBRARY_PATH=str(options.library))
    mode = modes.MODES[name]
    settings = types.SimpleNamespace(programs=options.programs, core=options.core)
    with running("libforker", mode, settings) as server:
        _requests, rate = generate(server, mode, options.duration, options.client_core)
    print(f"{name}: {rate:.0f} requests/s", file=sys.stderr)


def take_number(data, at):
    """A base 128 varint of protobuf (protobuf.dev/programming-guides/encoding), and where it ends."""
    number = shift = 0
    while True:
        number |= (data[at] & 0x7F) << shift
        shift += 7
        at += 1
        if data[at - 1] < 0x80:
            return number, at


def varint(number):
    encoded = bytearray()
    while number >= 0x80:
        encoded.append(number & 0x7F | 0x80)
        number >>= 7
    encoded.append(number)
    return bytes(encoded)


def without_paths(profile):
    """A profile of pprof, whose files are told by their names alone: where they were is this machine's."""
    data, at, out = gzip.decompress(profile), 0, bytearray()
    while at < len(data):
        start = at
        tag, at = take_number(data, at)
        length, at = take_number(data, at)
        if tag & 7 == LENGTH_DELIMITED:
            text, at = data[at : at + length], at + length
            if tag >> 3 == STRING_TABLE and text.startswith(b"/"):
                name = text.rpartition(b"/")[2]
                out += varint(tag) + varint(len(name)) + name
                continue
        out += data[start:at]
    return gzip.compress(bytes(out), mtime=0)


def main():
    cores = sorted(os.sched_getaffinity(0))
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--programs", type=pathlib.Path, required=True, help="directory of the built servers")
    parser.add_argument("--library", type=pathlib.Path, required=True, help="directory of the library that records")
    parser.add_argument("--duration", type=int, default=5, help="seconds of each mode (%(default)s)")
    parser.add_argument("--core", type=int, default=cores[0], help="the server's core (%(default)s)")
    parser.add_argument("--client-core", type=int, default=cores[-1], help="the load generator's core (%(default)s)")
    parser.add_argument("profile", type=pathlib.Path, help="the file to write")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as directory:
        for name in MODES:
            record(name, pathlib.Path(directory), options)
        profiles = sorted(pathlib.Path(directory).glob("*.pprof"))
        merged = subprocess.run(["go", "tool", "pprof", "-proto", *profiles], stdout=subprocess.PIPE, check=True).stdout
    options.profile.write_bytes(without_paths(merged))


if __name__ == "__main__":
    main()
