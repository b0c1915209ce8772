/*
 * forker.hpp - forker.h for C++17 and later: header only, over the same C library.
 *
 *     #include <forker.hpp>
 *
 *     int main() {
 *         forker::Server server;
 *         server.get("/", [](forker::Request &) { return "greeting!!!"; });
 *         server.listen(":8080");
 *         server.run();
 *     }
 *
 * What forker.h says of a function holds for what is made of it here: when it may be called, by which thread, and how long
 * text is valid. On top of that:
 *
 *  - Functions that fail throw forker::Error, whose what() is the sentence of the library and whose code() is FORKER_E_*.
 *  - Callbacks are anything that can be called, lambdas with captures too; the server keeps them. No exception leaves one:
 *    forker::HttpError of a handler is answered with its status and text, forker::GrpcError ends a call of gRPC with its
 *    own, any other one is written to the log and answered 500 without it.
 *  - A handler gets a Request & and returns nothing, when it has answered; a result code of forker.h, FORKER_NEXT among them;
 *    or text, which is answered as text/plain; or a Response. A before function that returns nothing goes on.
 *  - Text comes as std::string_view, what may be absent as std::optional; text behind a string_view is valid as long as the
 *    request, and has a NUL behind it. Text goes in as std::string, or a literal, because C wants the NUL.
 *
 * A Server uses one of the 16 slots itself, and must outlive what was made of it: Group, Route, Slot. get() of each gives
 * the object of C; on a handle, on_close and on_drain of the two are not to be mixed. All of forker.h is here; the classes
 * are in forker/request.hpp, deferred.hpp, group.hpp, server.hpp and answer.hpp, but it is this file that programs include.
 */
#ifndef FORKER_HPP
#define FORKER_HPP

#include "forker.h"

#include "forker/error.hpp"
#include "forker/value.hpp"

#include "forker/deferred.hpp"
#include "forker/request.hpp"

#include "forker/answer.hpp"
#include "forker/group.hpp"
#include "forker/server.hpp"

#endif /* FORKER_HPP */
