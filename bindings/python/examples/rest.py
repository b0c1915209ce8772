"""A REST service: notes of several users as JSON, kept by SQLite.

Start it with ``python3 examples/rest.py [address [notes.db]]``, then::

    curl -i -H 'Authorization: Bearer secret' -d '{"text": "buy milk"}' http://localhost:8080/api/notes
    curl -i -H 'Authorization: Bearer secret' http://localhost:8080/api/notes
    curl -i -H 'Authorization: Bearer secret' http://localhost:8080/api/notes/1
    curl -i -H 'Authorization: Bearer secret' -X DELETE http://localhost:8080/api/notes/1

The token of the first user is "secret", or what the variable NOTES_TOKEN says.
"""

import contextlib
import os
import sqlite3
import sys

import forker

path = sys.argv[2] if len(sys.argv) > 2 else "notes.db"
server = forker.Server(errors="problem")
api = server.group("/api", max_body="64k")
db = None  # each worker has its own connection


def connect():
    return sqlite3.connect(path, isolation_level=None)


with contextlib.closing(connect()) as first:  # before any fork, so it is closed again
    first.executescript(
        """
        PRAGMA journal_mode = WAL;
        CREATE TABLE IF NOT EXISTS users (name TEXT PRIMARY KEY, token TEXT UNIQUE NOT NULL);
        CREATE TABLE IF NOT EXISTS notes (id INTEGER PRIMARY KEY, owner TEXT NOT NULL, text TEXT NOT NULL);
        """
    )
    first.execute("INSERT OR REPLACE INTO users VALUES ('first', ?)", (os.environ.get("NOTES_TOKEN", "secret"),))


@server.worker_init
def open_database(worker):
    global db
    db = connect()


@api.use
def authenticate(request):
    kind, _, token = request.headers.get("Authorization", "").partition(" ")
    user = db.execute("SELECT name FROM users WHERE token = ?", (token,)).fetchone()
    if kind != "Bearer" or user is None:
        forker.abort(401, "who are you?", {"WWW-Authenticate": "Bearer"})
    request.state.user = user[0]


@api.get("/notes")
def list_notes(request):
    rows = db.execute("SELECT id, text FROM notes WHERE owner = ?", (request.state.user,))
    return [{"id": key, "text": text} for key, text in rows]


@api.post("/notes")
def add_note(request):
    try:
        text = request.json()["text"]
        if not isinstance(text, str):
            raise TypeError
    except (ValueError, KeyError, TypeError):
        forker.abort(422, 'expected a body such as {"text": "buy milk"}')
    key = db.execute("INSERT INTO notes (owner, text) VALUES (?, ?)", (request.state.user, text)).lastrowid
    return 201, {"id": key}, {"Location": server.url("note", id=key)}


@api.get("/notes/:id", name="note")
def show_note(request):
    asked = (request.state.user, request.params["id"])
    note = db.execute("SELECT id, text FROM notes WHERE owner = ? AND id = ?", asked).fetchone()
    if note is None:
        forker.abort(404, "no such note")
    return {"id": note[0], "text": note[1]}


@api.delete("/notes/:id")
def delete_note(request):
    asked = (request.state.user, request.params["id"])
    if db.execute("DELETE FROM notes WHERE owner = ? AND id = ?", asked).rowcount == 0:
        forker.abort(404, "no such note")
    return 204, None


try:
    server.listen(sys.argv[1] if len(sys.argv) > 1 else ":8080")
except forker.Error as error:  # taken, for example
    sys.exit(str(error))
server.run()
