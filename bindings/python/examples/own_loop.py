"""A server on the program's own event loop: everything happens on one thread, so that nothing needs a lock.

Start it with ``python3 examples/own_loop.py [address]``, then::

    curl -i http://localhost:8080/ticks       # how often the program's own task has run
    curl -i http://localhost:8080/next        # answered by a coroutine, when it runs the next time

End it with Ctrl-C.
"""

import asyncio
import contextlib
import sys

import forker

server = forker.Server(workers=0)  # a loop serves in its own process
ticks = 0
tick = None  # the event that /next waits for
tasks = set()  # asyncio itself keeps tasks by weak references only


async def count():
    global ticks, tick
    tick = asyncio.Event()
    while True:
        await asyncio.sleep(0.2)
        ticks += 1
        tick.set()
        tick = asyncio.Event()


@server.get("/ticks")
def show(request):
    return {"ticks": ticks}


@server.get("/next")
def wait_for_next(request):
    deferred = request.defer()

    async def answer():
        await tick.wait()
        deferred.respond({"ticks": ticks})

    task = asyncio.create_task(answer())
    tasks.add(task)
    task.add_done_callback(tasks.discard)
    return deferred


async def serve():
    """Serves until it is cancelled, or the server ends by itself."""
    loop, ended = asyncio.get_running_loop(), asyncio.get_running_loop().create_future()
    server.open()
    fd = server.poll_fd()

    def on_readable():
        try:
            serves = server.poll()
        except forker.Error as error:
            loop.remove_reader(fd)
            ended.set_exception(error)
        else:
            if not serves:
                loop.remove_reader(fd)
                ended.set_result(None)

    loop.add_reader(fd, on_readable)
    print("serving on", server.address(0), flush=True)
    try:
        await asyncio.shield(ended)
    finally:
        server.stop(1)  # answers what is under way, which takes calls of poll()
        await ended


async def main():
    counter = asyncio.create_task(count())
    try:
        await serve()
    finally:
        counter.cancel()


try:
    server.listen(sys.argv[1] if len(sys.argv) > 1 else ":8080")
except forker.Error as error:  # taken, for example
    sys.exit(str(error))
with contextlib.suppress(KeyboardInterrupt):
    asyncio.run(main())
server.close()
