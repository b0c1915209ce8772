"""Uploads that go to files as they come, whatever their size.

Start it with ``python3 examples/upload.py [address [directory]]``, then::

    curl -i -T some.iso http://localhost:8080/files/      # has it written to some.iso in the directory

A thread of each worker writes to the disk, so that handlers never wait for it. Meanwhile the body is paused: a client
that sends faster than the disk writes has to wait.
"""

import contextlib
import os
import queue
import re
import sys
import tempfile
import threading

import forker

server = forker.Server()
directory = sys.argv[2] if len(sys.argv) > 2 else tempfile.mkdtemp(prefix="upload-")
pieces = queue.SimpleQueue()  # of the thread


class Upload:
    """One file on its way. All methods but the first run on the thread."""

    def __init__(self, name, deferred):
        self.path = os.path.join(directory, name)
        self.deferred = deferred
        self.part = tempfile.NamedTemporaryFile(dir=directory, prefix=".upload-", delete=False)

    def take(self, piece, last):
        if piece is None:  # the client has left
            self.drop()
            return self.deferred.abort()
        try:
            self.part.write(piece)
            if last:
                self.part.close()
                os.replace(self.part.name, self.path)
                self.deferred.respond((201, "written\n"))
        except OSError as error:
            self.deferred.respond((507, f"it cannot be written: {error.strerror}\n"))  # no more pieces come
            if last:
                self.drop()
        self.deferred.resume()

    def drop(self):
        with contextlib.suppress(OSError):  # what is not written yet cannot be written either
            self.part.close()
        os.unlink(self.part.name)


@server.worker_init
def start_thread(worker):
    def work():
        while True:
            upload, piece, last = pieces.get()
            upload.take(piece, last)

    threading.Thread(target=work, daemon=True).start()


@server.put("/files/:name", body="stream", max_body="100g")
def receive(request):
    if not re.fullmatch(r"[A-Za-z0-9_-][A-Za-z0-9._-]{0,199}", request.params["name"]):
        return 400, "not a name for a file\n"  # spares the client the upload
    deferred = request.defer()
    upload = Upload(request.params["name"], deferred)

    @request.on_body
    def on_body(piece, last):
        if not last:
            request.pause()  # before the thread can end the pause
        pieces.put((upload, piece, last))

    return deferred


try:
    server.listen(sys.argv[1] if len(sys.argv) > 1 else ":8080")
except forker.Error as error:  # taken, for example
    sys.exit(str(error))
print("serving on", server.address(0), "into", directory, flush=True)
server.run()
