/*
 * A REST service: notes of several users as JSON, kept by SQLite. Start it with `build/rest`, or
 * `build/rest 127.0.0.1:9000 notes.db`, and:
 *     curl -i -H 'Authorization: Bearer secret' -d '{"text": "buy milk"}' http://localhost:8080/api/notes
 *     curl -i -H 'Authorization: Bearer secret' http://localhost:8080/api/notes
 *     curl -i -H 'Authorization: Bearer secret' -X DELETE http://localhost:8080/api/notes/1
 * SQLite reads and writes the JSON too. The token of the first user is "secret", or what NOTES_TOKEN says.
 */
#include <forker.h>
#include <sqlite3.h>

#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static sqlite3 *db; /* each worker has its own connection */
static int user_slot;

static int fail(forker_request *req) {
    forker_server_log(forker_request_server(req), FORKER_LOG_ERROR, sqlite3_errmsg(db));
    return FORKER_E_INTERNAL;
}

/* A query about the user ?1 and the note ?2, or ?2 in the body, and what the responses to it are. */
typedef struct {
    const char *sql;
    int found, missing; /* statuses if there is a row, whose first column is the body, or none */
    const char *detail;
} query;

static const query list = {"SELECT json_group_array(json_object('id', id, 'text', text)) FROM notes WHERE owner = ?1",
                           200, 500, NULL};
static const query add = {"INSERT INTO notes (owner, text) SELECT ?1, json_extract(?2, '$.text')"
                          " WHERE CASE WHEN json_valid(?2) THEN json_type(?2, '$.text') END = 'text'"
                          " RETURNING json_object('id', id)",
                          201, 422, "expected a body such as {\"text\": \"buy milk\"}"};
static const query show = {"SELECT json_object('id', id, 'text', text) FROM notes WHERE owner = ?1 AND id = ?2", 200,
                           404, "no such note"};
static const query drop = {"DELETE FROM notes WHERE owner = ?1 AND id = ?2 RETURNING id", 204, 404, "no such note"};

static int answer(forker_request *req, void *user) {
    const query *q = user;
    const char *id = forker_request_param(req, "id", NULL);
    sqlite3_stmt *statement;
    int code;
    if (sqlite3_prepare_v2(db, q->sql, -1, &statement, NULL) != SQLITE_OK)
        return fail(req);
    sqlite3_bind_text(statement, 1, forker_request_get(req, user_slot), -1, SQLITE_TRANSIENT);
    sqlite3_bind_text(statement, 2, id != NULL ? id : forker_request_body(req, NULL), -1, SQLITE_TRANSIENT);
    int step = sqlite3_step(statement);
    if (step == SQLITE_ROW)
        code = forker_respond(req, q->found, "application/json", sqlite3_column_text(statement, 0),
                              (size_t)sqlite3_column_bytes(statement, 0));
    else
        code = step == SQLITE_DONE ? forker_respond_error(req, q->missing, q->detail) : fail(req);
    sqlite3_finalize(statement);
    return code;
}

/* Before all that is below /api: finds out who asks. */
static int authenticate(forker_request *req, void *user) {
    const char *given = forker_request_header(req, "Authorization", NULL);
    sqlite3_stmt *statement;
    (void)user;
    if (sqlite3_prepare_v2(db, "SELECT name FROM users WHERE token = ?", -1, &statement, NULL) != SQLITE_OK)
        return fail(req);
    if (given != NULL && strncmp(given, "Bearer ", 7) == 0)
        sqlite3_bind_text(statement, 1, given + 7, -1, SQLITE_TRANSIENT);
    bool found = sqlite3_step(statement) == SQLITE_ROW;
    if (found)
        forker_request_set(req, user_slot, sqlite3_mprintf("%s", sqlite3_column_text(statement, 0)));
    else
        forker_response_header_set(req, "WWW-Authenticate", "Bearer");
    sqlite3_finalize(statement);
    return found ? FORKER_NEXT : forker_respond_error(req, 401, "who are you?");
}

static int open_database(forker_server *server, int32_t worker, void *path) {
    (void)worker;
    (void)server;
    return sqlite3_open(path, &db) == SQLITE_OK ? sqlite3_busy_timeout(db, 5000) : FORKER_E_SYSTEM;
}

/* Before any fork: connections are not shared, so this one is closed. */
static bool make_tables(const char *path) {
    const char *token = getenv("NOTES_TOKEN");
    char *sql = sqlite3_mprintf(
        "PRAGMA journal_mode = WAL;"
        "CREATE TABLE IF NOT EXISTS users (name TEXT PRIMARY KEY, token TEXT UNIQUE NOT NULL);"
        "CREATE TABLE IF NOT EXISTS notes (id INTEGER PRIMARY KEY, owner TEXT NOT NULL, text TEXT NOT NULL);"
        "INSERT OR REPLACE INTO users VALUES ('first', %Q)",
        token != NULL ? token : "secret");
    bool made = sqlite3_open(path, &db) == SQLITE_OK && sqlite3_exec(db, sql, NULL, NULL, NULL) == SQLITE_OK;
    sqlite3_free(sql);
    sqlite3_close(db);
    return made;
}

int main(int argc, char **argv) {
    const char *path = argc > 2 ? argv[2] : "notes.db";
    if (!make_tables(path))
        return fprintf(stderr, "%s is no database for notes\n", path) > 0;
    forker_server *server = forker_server_new();
    forker_server_set(server, "errors", "problem");
    forker_server_on_worker_init(server, open_database, (void *)path);
    user_slot = forker_server_slot(server, sqlite3_free);
    forker_group *api = forker_server_group(server, "/api");
    forker_group_set(api, "max_body", "64k");
    forker_group_use(api, authenticate, NULL, NULL);
    forker_group_handle(api, "GET", "/notes", answer, (void *)&list);
    forker_group_handle(api, "POST", "/notes", answer, (void *)&add);
    forker_group_handle(api, "GET", "/notes/:id", answer, (void *)&show);
    forker_group_handle(api, "DELETE", "/notes/:id", answer, (void *)&drop);
    forker_server_listen(server, argc > 1 ? argv[1] : ":8080");
    int code = forker_server_run(server);
    forker_server_free(server);
    return code == FORKER_OK ? 0 : 1;
}
