// Handlers, groups, hooks, timers and answers from other threads by forker.hpp: wrapper <address> <directory>.
#include "wrapper.h"

#include <thread>

namespace {

void add_failures(forker::Server &server)
{
    server.get("/throw", [](forker::Request &) -> int { throw std::runtime_error("the reason"); });
    server.get("/throw-int", [](forker::Request &) -> int { throw 7; });
    server.get("/throw-http", [](forker::Request &) -> int { throw forker::HttpError(409, "busy"); });
    server.get("/throw-bad", [](forker::Request &) -> int { throw forker::HttpError(99, "no status"); });
    server.get("/throw-late", [](forker::Request &req) -> int {
        req.text("answered");
        throw forker::HttpError(409, "too late");
    });
    server.get("/throw-grpc", [](forker::Request &) -> int { throw forker::GrpcError(5, "this is no call"); });
    server.get("/throw-library", [](forker::Request &req) { req.set_header("Content-Length", "7"); });
    server.on_error([](forker::Request &req, int status, std::string_view detail) -> int {
        if (status != 404) {
            return FORKER_NEXT;
        }
        return req.text("own 404 " + std::string(detail), status);
    });
}

void add_answers(forker::Server &server)
{
    server.get("/", [](forker::Request &) { return "literal"; });
    server.get("/string", [](forker::Request &req) { return "string " + std::string(req.path()); });
    server.get("/response", [](forker::Request &) {
        return forker::Response{201, "{}", "application/json", {{"X-Own", "1"}, {"X-Own", "2"}}};
    });
    server.get("/code", [](forker::Request &req) { return req.text("code", 202); });
    server.get("/nothing", [](forker::Request &) {});
    server.get("/void",
               [](forker::Request &req) { req.status(203).set_header("X-Part", "1").write("in ").write("parts"); });
    server.get("/next/a", [](forker::Request &) { return FORKER_NEXT; });
    server.get("/next/:it", [](forker::Request &req) { return "next " + std::string(req.param("it")); });
    server.get("/redirect", [](forker::Request &req) { return req.redirect("/x"); });
    server.get("/html", [](forker::Request &req) { return req.attachment("a.html", true).html("<p>"); });
    server.get("/cookie", [](forker::Request &req) {
        forker::Cookie cookie;
        cookie.name = "sid";
        cookie.value = std::string(req.cookie("sid").value_or("none"));
        cookie.flags = FORKER_COOKIE_SECURE;
        return req.set_cookie(cookie).text("set");
    });
    server.get("/args", [](forker::Request &req) {
        return std::to_string(req.arg_int(FORKER_FROM_QUERY, "n", 1, 10, 5)) + " " +
               std::to_string(req.arg_bool(FORKER_FROM_QUERY, "b", true)) + " " +
               std::to_string(req.arg_choice(FORKER_FROM_QUERY, "c", "asc|desc", 0)) + " " +
               std::to_string(req.arg_double(FORKER_FROM_QUERY, "d", 0, 1, 0.5) > 0.4) + " " +
               std::string(req.query("n").value_or("-")) + " " + std::to_string(req.queries().size());
    });
    server.get("/time", [](forker::Request &req) {
        using Time = forker::Request::Time;
        return std::to_string(
            req.arg_time(FORKER_FROM_QUERY, "at", Time::min(), Time::max(), Time()).time_since_epoch().count());
    });
    server.post("/echo", [](forker::Request &req) {
        return req.respond(200, "",
                           std::string(req.method()) + " " + std::string(req.body()) + " " +
                               std::string(req.header("x-token").value_or("no token")) + " " +
                               std::to_string(req.headers().empty()));
    });
    server.post("/form", [](forker::Request &req) {
        return std::string(req.form("a").value_or("-")) + " " + (req.form_file("f") ? "file" : "none");
    });
    server.get("/about", [](forker::Request &req) {
        return std::string(req.scheme()) + " " + std::to_string(req.version()) + " " +
               std::to_string(req.peer().empty() || req.local().empty() || req.client().empty() || req.tls(0)) + " " +
               std::to_string(req.worker());
    });
}

void add_gates(forker::Server &server)
{
    auto asked = server.slot<Counted>();
    server.group("/keys")
        .key_auth("header:Authorization:Bearer, query:key",
                  [secret = std::string("secret")](forker::Request &req, std::string_view key) {
                      if (key == "throw") {
                          throw forker::HttpError(403, "not this one");
                      }
                      req.set_header("X-Judged", "1");
                      return forker::same_secret(key, secret);
                  })
        .get("/who", [](forker::Request &) { return "known"; });
    server.set("cookie_keys", "0123456789abcdef0123456789abcdef");
    server.group("/tokens").set("csrf", "token").get("/page", [](forker::Request &req) {
        return std::to_string(req.csrf_token().size());
    });
    server.group("/nul-keys").key_auth("query:key", [](forker::Request &, std::string_view key) {
        return forker::same_secret(key, std::string("secret\0more", 11));
    });
    server.group("/own-keys").key_auth("query:key", [](forker::Request &req, std::string_view key) -> int {
        return key == "good" ? FORKER_NEXT : req.text("own words", 402);
    });
    server.group("/names")
        .basic_auth([](forker::Request &, std::string_view name, std::string_view password) {
            return name == "joe" && forker::same_secret(password, "secret");
        })
        .get("/who", [](forker::Request &req) { return "user " + std::string(req.user()); });
    server.group("/origins")
        .on_origin([asked](forker::Request &req, std::string_view origin) {
            if (origin == "https://throws.example") {
                throw std::runtime_error("cannot tell");
            }
            req.set(asked, Counted(std::string(origin)));
            return origin == "https://asked.example";
        })
        .get("/who", [asked](forker::Request &req) {
            const Counted *origin = req.get(asked);
            return origin != nullptr ? origin->text : "nobody";
        });
}

void add_groups(forker::Server &server)
{
    auto user = server.slot<Counted>();
    forker::Group api = server.group("/api").set("max_body", "1k");
    api.use(
        [user](forker::Request &req) {
            auto token = req.header("X-Token");
            if (!token) {
                throw forker::HttpError(401, "who are you?");
            }
            req.set(user, Counted(std::string(*token)));
            req.on_head([kept = Counted("head ")](forker::Request &late, int status) {
                late.set_header("X-Head", kept.text + std::to_string(status));
            });
        },
        [user](forker::Request &req, const forker_outcome &outcome) {
            const Counted *who = req.get(user);
            say("done " + std::to_string(outcome.status) + " " + (who != nullptr ? who->text : "nobody"));
        });
    api.group("/v1")
        .use([](forker::Request &req) { req.add_header("X-Inner", "1"); })
        .get("/users/:id",
             [user](forker::Request &req) { return req.get(user)->text + " " + std::string(req.param("id")); })
        .name("user")
        .set("dispatch", "pool");
    server.get("/url", [&server](forker::Request &) {
        return server.url("user", {{"id", "a b"}, {"page", "2"}}) + " " + std::to_string(server.routes().size() > 20);
    });
    server.get("/no-url", [&server](forker::Request &) { return server.url("nobody"); });
    server.host("api.example").get("/", [](forker::Request &) { return "host"; });
}

void add_later(forker::Server &server)
{
    server.get("/later", [](forker::Request &req) {
        std::thread([later = req.defer()]() mutable { later.respond(200, "text/plain", "later"); }).detach();
        return FORKER_DEFERRED;
    });
    server.get("/dropped", [](forker::Request &req) {
        req.defer();
        return FORKER_DEFERRED;
    });
    server.get("/stream", [](forker::Request &req) {
        std::thread([later = req.defer()]() mutable {
            later.request().set_header("X-Stream", "1");
            later.begin();
            for (int i = 0; i < 3; i++) {
                later.write_wait("piece ");
            }
            later.end();
        }).detach();
        return FORKER_DEFERRED;
    });
    server.get("/events", [](forker::Request &req) {
        forker::Deferred later = req.defer();
        later.begin_events();
        later.event("two\nlines", "kind", "1");
        later.end();
        return FORKER_DEFERRED;
    });
    server
        .post("/take",
              [](forker::Request &req) {
                  return req.on_body(
                      [got = Counted("")](forker::Request &late, std::string_view piece, int last) mutable {
                          got.text += piece;
                          return last > 0 ? late.text("taken " + std::to_string(got.text.size())) : FORKER_OK;
                      });
              })
        .set("body", "stream");
    server
        .post("/take-badly",
              [](forker::Request &req) {
                  return req.on_body(
                      [](forker::Request &, std::string_view, int) -> int { throw std::runtime_error("bad piece"); });
              })
        .set("body", "stream");
    server.get("/post", [&server](forker::Request &) {
        server.post([what = Counted("posted")] { say(what.text); });
        server.post([] { throw std::runtime_error("posted in vain"); });
        return "posted";
    });
    server.get("/timers", [&server](forker::Request &) {
        server.timer(1, 0, [what = Counted("once")] { say(what.text); });
        auto number = std::make_shared<std::int64_t>(0);
        *number = server.timer(1, 1, [&server, number, count = 0, kept = Counted("")]() mutable {
            if (++count == 3) {
                tell(server.cancel(*number) && !server.cancel(*number) ? "thrice\n" : "not cancelled\n");
            }
        });
        std::int64_t never = server.timer(60000, 1000, [kept = Counted("")] {});
        bool was = server.cancel(never), again = server.cancel(never);
        return std::to_string(was) + std::to_string(again) + std::to_string(server.cancel(-1));
    });
}

void add_hooks(forker::Server &server)
{
    server.on_before_fork([](int) { tell("before_fork\n"); });
    server.on_post_fork([](int) { return 0; });
    server.on_worker_ready([](int) { tell("ready\n"); });
    server.on_worker_drain([](int) { tell("drain\n"); });
    count_alive(server);
    server.on_thread_start([](int) {}).on_thread_exit([](int) {});
    server.on_reload([] { throw std::runtime_error("no reload"); });
    server.on_reopen([] {}).on_master_tick([] {});
}

bool is_refused(forker::Server &server)
{
    try {
        server.listen("nowhere");
    } catch (const forker::Error &thrown) {
        server.clear_error();
        return thrown.code() == FORKER_E_ADDRESS && std::string(thrown.what()).find("nowhere") != std::string::npos;
    }
    return false;
}

} // namespace

int main(int argc, char **argv)
{
    if (argc != 3) {
        return 2;
    }
    forker::Server first;
    forker::Server server(std::move(first));
    server.set("max_body", "1m");
    add_answers(server);
    add_failures(server);
    add_groups(server);
    add_gates(server);
    add_later(server);
    add_hooks(server);
    server.directory("/files", argv[2]).set("static_etag", "off");
    tell(is_refused(server) && server.option("max_body") == "1m" ? "refused\n" : "not refused\n");
    int status = run_to_end(server, argv[1]);
    return status != 0 ? status : server.stats().requests > 0 ? 0 : 3;
}
