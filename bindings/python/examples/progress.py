"""A job that tells how far it is: the server runs in the job's own process, next to it.

Start it with ``python3 examples/progress.py [address [steps]]``, then::

    curl -i http://localhost:8080/            # how far it is
    curl -iN http://localhost:8080/events     # each step as it happens, as Server-Sent Events
    curl -i http://localhost:8080/result      # waits for the end
    curl -i http://localhost:8080/source      # this file
"""

import sys
import threading
import time

import forker

steps = int(sys.argv[2]) if len(sys.argv) > 2 else 30
lock = threading.Lock()  # the job and the handlers are on different threads
done = 0
watchers = []  # streams of /events
waiting = []  # requests of /result


def step():
    global done
    time.sleep(0.1)  # the work
    with lock:
        done += 1
        for stream in watchers[:]:
            try:
                stream.send({"done": done}, event="step", id=str(done))  # False: a slow client misses this one
            except forker.Error:  # the client has left
                stream.abort()
                watchers.remove(stream)


with forker.Server(workers=0, drain_timeout=2) as server:

    @server.get("/")
    def show(request):
        return {"done": done, "steps": steps}

    @server.get("/events")
    def events(request):
        with lock:
            deferred = request.defer()
            watchers.append(deferred.events())
            return deferred

    @server.get("/result")
    def result(request):
        with lock:
            deferred = request.defer()
            waiting.append(deferred)
            return deferred

    @server.get("/source")
    def source(request):
        return forker.Response.file(__file__, content_type="text/plain; charset=utf-8")

    try:
        server.listen(sys.argv[1] if len(sys.argv) > 1 else ":8080")
    except forker.Error as error:  # taken, for example
        sys.exit(str(error))
    server.start()
    print("serving on", server.address(0), flush=True)
    while done < steps:
        step()
    with lock:
        for stream in watchers:
            stream.close()
        for deferred in waiting:
            deferred.respond({"result": sum(range(steps))})
