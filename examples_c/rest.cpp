/*
 * A REST service in C++17: notes of several users as JSON, kept by SQLite. Start it with `build/rest_cpp`, or
 * `build/rest_cpp 127.0.0.1:9000 notes.db`, and:
 *
 *     curl -i -H 'Authorization: Bearer secret' -d '{"text": "buy milk"}' http://localhost:8080/api/notes
 *     curl -i -H 'Authorization: Bearer secret' http://localhost:8080/api/notes
 *     curl -i -H 'Authorization: Bearer secret' http://localhost:8080/api/notes/1
 *     curl -i -H 'Authorization: Bearer secret' -X DELETE http://localhost:8080/api/notes/1
 *
 * SQLite reads and writes the JSON too. The token of the first user is "secret", or what NOTES_TOKEN says.
 */
#include <forker.hpp>
#include <sqlite3.h>

#include <cstdlib>
#include <initializer_list>
#include <iostream>

namespace {

/* A connection to the database; each worker has its own. */
class Database {
  public:
    explicit Database(const std::string &path) {
        sqlite3 *db = nullptr;
        int code = sqlite3_open(path.c_str(), &db);
        db_.reset(db);
        check(code);
        sqlite3_busy_timeout(db, 5000);
    }

    /* The first column of the first row; nothing if there is no row. */
    std::optional<std::string> ask(const char *sql, std::initializer_list<std::string_view> values = {}) {
        sqlite3_stmt *raw = nullptr;
        check(sqlite3_prepare_v2(db_.get(), sql, -1, &raw, nullptr));
        std::unique_ptr<sqlite3_stmt, int (*)(sqlite3_stmt *)> statement(raw, sqlite3_finalize);
        int place = 0;
        for (std::string_view value : values)
            check(sqlite3_bind_text(raw, ++place, value.data(), static_cast<int>(value.size()), SQLITE_TRANSIENT));
        int code = sqlite3_step(raw);
        if (code == SQLITE_DONE)
            return std::nullopt;
        check(code == SQLITE_ROW ? SQLITE_OK : code);
        return reinterpret_cast<const char *>(sqlite3_column_text(raw, 0));
    }

  private:
    void check(int code) const {
        if (code != SQLITE_OK)
            throw std::runtime_error(std::string("SQLite: ") + sqlite3_errmsg(db_.get()));
    }
    std::unique_ptr<sqlite3, int (*)(sqlite3 *)> db_{nullptr, sqlite3_close};
};

void serve(const std::string &path, const std::string &address) {
    {
        const char *token = std::getenv("NOTES_TOKEN");
        Database db(path);
        db.ask("PRAGMA journal_mode = WAL");
        db.ask("CREATE TABLE IF NOT EXISTS users (name TEXT PRIMARY KEY, token TEXT UNIQUE NOT NULL)");
        db.ask("CREATE TABLE IF NOT EXISTS notes (id INTEGER PRIMARY KEY, owner TEXT NOT NULL, text TEXT NOT NULL)");
        db.ask("INSERT OR REPLACE INTO users VALUES ('first', ?)", {token != nullptr ? token : "secret"});
    }
    forker::Server server;
    std::optional<Database> db;
    server.set("errors", "problem").on_worker_init([&](int) { db.emplace(path); });
    auto user = server.slot<std::string>();
    forker::Group api = server.group("/api").set("max_body", "64k");
    api.use([&](forker::Request &req) {
        std::string_view given = req.header("Authorization").value_or("");
        bool bearer = given.substr(0, 7) == "Bearer ";
        auto name = db->ask("SELECT name FROM users WHERE token = ?", {bearer ? given.substr(7) : ""});
        if (!name) {
            req.set_header("WWW-Authenticate", "Bearer");
            throw forker::HttpError(401, "who are you?");
        }
        req.set(user, *name);
    });
    api.get("/notes", [&](forker::Request &req) {
        return req.json(
            *db->ask("SELECT json_group_array(json_object('id', id, 'text', text)) FROM notes WHERE owner = ?",
                     {*req.get(user)}));
    });
    api.post("/notes", [&](forker::Request &req) {
        auto id = db->ask("INSERT INTO notes (owner, text) SELECT ?1, json_extract(?2, '$.text')"
                          " WHERE CASE WHEN json_valid(?2) THEN json_type(?2, '$.text') END = 'text' RETURNING id",
                          {*req.get(user), req.body()});
        if (!id)
            throw forker::HttpError(422, "expected a body such as {\"text\": \"buy milk\"}");
        req.set_header("Location", server.url("note", {{"id", *id}}));
        return req.json("{\"id\":" + *id + "}", 201);
    });
    api.get("/notes/:id",
            [&](forker::Request &req) {
                auto note = db->ask("SELECT json_object('id', id, 'text', text) FROM notes WHERE owner = ? AND id = ?",
                                    {*req.get(user), req.param("id")});
                return note ? req.json(*note) : req.error(404, "no such note");
            })
        .name("note");
    api.del("/notes/:id", [&](forker::Request &req) {
        auto gone =
            db->ask("DELETE FROM notes WHERE owner = ? AND id = ? RETURNING id", {*req.get(user), req.param("id")});
        return gone ? req.respond(204, "", "") : req.error(404, "no such note");
    });
    server.listen(address);
    server.run();
}

} // namespace

int main(int argc, char **argv) {
    try {
        serve(argc > 2 ? argv[2] : "notes.db", argc > 1 ? argv[1] : ":8080");
    } catch (const std::exception &thrown) {
        std::cerr << argv[0] << ": " << thrown.what() << '\n';
        return 1;
    }
    return 0;
}
