// Bodies that come and go in pieces, and what becomes of handles, by forker.hpp: wrapper_body <address> <file>.
#include "wrapper.h"

#include <fcntl.h>
#include <memory>
#include <mutex>
#include <thread>
#include <vector>

namespace {

std::string list(const forker::Pairs &pairs)
{
    std::string text;
    for (const auto &[name, value] : pairs) {
        text += std::string(name) + "=" + std::string(value) + ";";
    }
    return text;
}

/* What has come of a form. */
struct Taken {
    std::string names;
    std::size_t bytes = 0;
    Counted kept;

    void add(const forker_part *part, std::string_view piece, int last)
    {
        bytes += piece.size();
        if (part != nullptr && last == 1) {
            names += std::string(part->name) + (part->filename != nullptr ? "@ " : " ");
        }
    }
    std::string text() const
    {
        return names + std::to_string(bytes);
    }
};

void add_bodies(forker::Server &server)
{
    server.post("/trailers", [](forker::Request &req) {
        return list(req.trailers()) + (req.body_fd() ? "in a file" : "in memory");
    });
    server.post("/form", [](forker::Request &req) {
        std::string text = list(req.form_fields());
        for (const forker_file &file : req.form_files()) {
            text += forker::base_name(file.filename) + ":" +
                    std::string(static_cast<const char *>(file.data), static_cast<std::size_t>(file.len)) + ";";
        }
        return text;
    });
    forker::Group streamed = server.group("/streamed").set("body", "stream");
    streamed.post("/parts", [](forker::Request &req) {
        return req.on_part([taken = Taken()](forker::Request &late, const forker_part *part, std::string_view piece,
                                             int last) mutable {
            taken.add(part, piece, last);
            return part == nullptr && last == 1 ? late.text(taken.text()) : FORKER_OK;
        });
    });
    streamed.post("/parts-badly", [](forker::Request &req) {
        return req.on_part([kept = Counted()](forker::Request &, const forker_part *, std::string_view, int) -> int {
            throw forker::HttpError(409, "not this one");
        });
    });
    streamed.post("/paused", [&server](forker::Request &req) {
        auto later = std::make_shared<forker::Deferred>(req.defer());
        req.on_part([later, &server, taken = Taken()](forker::Request &late, const forker_part *part,
                                                      std::string_view piece, int last) mutable {
            taken.add(part, piece, last);
            if (part == nullptr) {
                later->respond(forker::Response{201, taken.text() + " " + std::to_string(last), "", {{"X-Own", "1"}}});
            } else {
                late.pause();
                server.post([later] { later->resume(); });
            }
        });
        return FORKER_DEFERRED;
    });
}

void add_pieces(forker::Server &server, const char *path)
{
    server.get("/lend", [](forker::Request &req) {
        auto lent = std::make_unique<Counted>(std::string(100000, 'l'));
        std::string_view data = lent->text;
        req.lend_static("at first ").lend(data, [lent = std::move(lent)] { throw std::runtime_error("released"); });
    });
    server.get("/lend-refused", [](forker::Request &req) {
        req.text("answered");
        try {
            req.lend("more", [kept = Counted()] { say("released in vain"); });
        } catch (const forker::Error &thrown) {
            say(thrown.what());
        }
    });
    server.get("/file", [path](forker::Request &req) {
        forker::Descriptor file(::open(path, O_RDONLY | O_CLOEXEC));
        req.append_file(file.get(), 2).append_file(file.get(), 0, 1);
    });
    server.get("/hijack", [](forker::Request &req) {
        forker::Hijacked taken = req.hijack();
        std::string answer = "taken over, behind it: " + std::string(taken.data);
        forker::Descriptor moved;
        moved = std::move(taken.fd);
        return write(moved.get(), answer.data(), answer.size()) > 0 ? FORKER_OK : FORKER_E_SYSTEM;
    });
}

/* A stream that goes on where there is room. */
struct Pump {
    forker::Deferred later;
    int left = 100;
    Counted kept;

    void go_on()
    {
        while (left > 0 && later.write(std::string(50000, 'x'))) {
            left--;
        }
        if (left == 0) {
            later.end();
        }
    }
};

void add_handles(forker::Server &server)
{
    server.get("/pump", [](forker::Request &req) {
        auto pump = std::make_shared<Pump>();
        pump->later = req.defer();
        pump->later.begin();
        pump->later.on_drain([pump] { pump->go_on(); });
        pump->go_on();
        return FORKER_DEFERRED;
    });
    server.get("/pump-badly", [](forker::Request &req) {
        auto pump = std::make_shared<Pump>();
        pump->later = req.defer();
        pump->later.begin();
        pump->later.on_drain([pump] { throw std::runtime_error("no more of it"); });
        pump->go_on();
        return FORKER_DEFERRED;
    });
    server.get("/closing", [](forker::Request &req) {
        forker::Deferred later = req.defer();
        later.on_close([kept = Counted()](int) { say("the one that was replaced"); });
        later.on_close([kept = Counted("closed")](int reason) {
            say(kept.text + " " + std::to_string(reason));
            throw std::runtime_error("closed in vain");
        });
        std::thread([moved = std::move(later)]() mutable {
            moved.respond(200, "text/plain", "closing");
            try {
                moved.on_close([](int) {});
            } catch (const forker::Error &thrown) {
                say("too late " + std::to_string(thrown.code()));
            }
        }).detach();
        return FORKER_DEFERRED;
    });
    server.get("/waiting", [held = std::make_shared<std::vector<forker::Deferred>>()](forker::Request &req) {
        req.on_head([kept = Counted()](forker::Request &, int) { say("a head without a client"); });
        held->push_back(req.defer());
        held->back().on_close([held, kept = Counted()](int reason) {
            say("left " + std::to_string(reason));
            held->clear();
        });
        say("waiting");
        return FORKER_DEFERRED;
    });
    server.group("/checked")
        .use([](forker::Request &req) {
            forker::Deferred later = req.defer();
            later.on_close([kept = Counted()](int) { say("a check was closed"); });
            std::thread([moved = std::move(later)]() mutable { moved.next(); }).detach();
            return FORKER_DEFERRED;
        })
        .get("/it", [](forker::Request &) { return "checked"; });
}

/* Requests that the program's own loop answers. */
void add_loop(forker::Server &server)
{
    auto waiting = std::make_shared<std::vector<forker::Deferred>>();
    server.get("/turn", [waiting](forker::Request &req) {
        waiting->push_back(req.defer());
        try {
            (void)waiting->back().enter();
        } catch (const forker::Error &thrown) {
            say("no turn in a handler " + std::to_string(thrown.code()));
        }
        return FORKER_DEFERRED;
    });
    server.on_worker_loop([waiting, &server](int) {
        while (server.poll(1000)) {
            for (forker::Deferred &later : *waiting) {
                auto turn = later.enter();
                auto moved = std::move(turn);
                later.respond(200, "text/plain", "a turn");
            }
            waiting->clear();
        }
    });
}

} // namespace

int main(int argc, char **argv)
{
    if (argc != 3) {
        return 2;
    }
    forker::Server server;
    server.set("body_buffer", "64k").set("form_file", "200k");
    add_bodies(server);
    add_pieces(server, argv[2]);
    add_handles(server);
    add_loop(server);
    count_alive(server);
    return run_to_end(server, argv[1]);
}
