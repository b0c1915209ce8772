"""ledger.Ledger, which the ledger calls, as ledgercalls.h has it: ledger.py ADDRESS. The methods are functions of bytes."""

import os
import sys
import time

import forker

calls = os.open(os.environ["FORKER_TEST_CALLS"], os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
server = forker.Server()
services = server.grpc(threads=64)
number = 0


@server.worker_init
def tell(worker):
    global number
    number = worker
    os.write(1, f"worker {worker} {os.getpid()}\n".encode())


def note(message):
    """Notes that a call begins."""
    os.write(calls, message.partition(b".")[0] + b"\n")


def entry(message):
    return b"%d %d %d %s" % (number, os.getpid(), time.time_ns(), message)


@services.unary_unary("/ledger.Ledger/Ask")
def ask(message, context):
    note(message)
    return entry(message)


@services.stream_stream("/ledger.Ledger/Talk")
def talk(messages, context):
    for message in messages:
        if message.endswith(b".0"):
            note(message)
        yield entry(message)


server.listen(sys.argv[1])
os.write(1, f"listening 0 {server.address(0)}\n".encode())
server.run()
