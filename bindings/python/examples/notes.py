"""Notes kept as files, one directory for all workers: parameters, query, headers, JSON and bodies.

Start it with ``python3 examples/notes.py [address [directory]]``, then::

    curl -i -X PUT -H 'Content-Type: application/json' -d '{"text": "buy milk"}' http://localhost:8080/notes/milk
    curl -i http://localhost:8080/notes/milk
    curl -i -H 'Accept: text/plain' http://localhost:8080/notes/milk
    curl -i 'http://localhost:8080/notes?prefix=mi'
    curl -i -X DELETE http://localhost:8080/notes/milk
"""

import json
import logging
import os
import re
import sys
import tempfile
from pathlib import Path

import forker

logging.basicConfig(format="%(levelname)s %(message)s", level=logging.INFO)
server = forker.Server(workers="auto", max_body="64k", drain_timeout=5, log=logging.getLogger("notes"))
notes = Path(sys.argv[2] if len(sys.argv) > 2 else tempfile.mkdtemp(prefix="notes-"))


def note_path(request):
    """The file of the note that the request names, or None if it is no name for a note."""
    name = request.params["name"]
    return notes / f"{name}.json" if re.fullmatch(r"[A-Za-z0-9_-]{1,100}", name) else None


@server.worker_init
def announce(worker):
    server.log(forker.LOG_INFO, f"serves {notes} at {server.address(0)}")


@server.get("/notes")
def list_notes(request):
    prefix = request.query_param("prefix", "")
    return {"notes": sorted(path.stem for path in notes.glob("*.json") if path.stem.startswith(prefix))}


@server.get("/notes/:name")
def read_note(request):
    path = note_path(request)
    try:
        note = json.loads(path.read_text()) if path else None
    except FileNotFoundError:
        note = None
    if note is None:
        return 404, {"error": "no such note"}
    if request.headers.get("Accept") == "text/plain":
        return note["text"] + "\n"
    return note


@server.put("/notes/:name")
def write_note(request):
    path = note_path(request)
    try:
        note = {"text": request.json()["text"], "by": request.peer}
        if not path or not isinstance(note["text"], str):
            raise ValueError
    except (ValueError, KeyError, TypeError):
        return 400, {"error": 'expected a name of letters and digits, and a body such as {"text": "buy milk"}'}
    # Each worker is a process of its own: a rename shows the others either the old note or the new one.
    with tempfile.NamedTemporaryFile("w", dir=notes, delete=False) as file:
        json.dump(note, file)
    os.replace(file.name, path)
    return 201, note, {"Location": request.path}


@server.delete("/notes/:name")
def delete_note(request):
    path = note_path(request)
    if not path or not path.exists():
        return 404, {"error": "no such note"}
    path.unlink(missing_ok=True)
    return 204, None


@server.route("*", "/*rest")
def not_found(request):
    return forker.Response(404, f"nothing at {request.path}\n", {"Cache-Control": "no-store"})


try:
    server.listen(sys.argv[1] if len(sys.argv) > 1 else ":8080")
except forker.Error as error:  # taken, for example
    sys.exit(str(error))
server.run()
