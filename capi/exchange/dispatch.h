/* The one crossing per request: from the engine to the program's handler. */
#ifndef FORKER_DISPATCH_H
#define FORKER_DISPATCH_H

#include "base/server.h"
#include "exchange/exchange.h"

/*
 * Calls the handler of the request at `address` and returns what it returned. Main thread of a worker, or one of the
 * pool's. A number, not a pointer: cgo looks at every pointer that is passed.
 */
int fk_dispatch(uintptr_t address);

/* What is around each call of a function of the program's about a request. `inside` is FK_INSIDE_*. */
void fk_dispatch_enter(forker_request *req, uint8_t inside, sigset_t *blocked);
void fk_dispatch_leave(forker_request *req, const sigset_t *blocked);

/* Has lent bytes and files of a body go back. */
void fk_dispatch_release_parts(fk_response *response);

/* Notes a request in a black box: the program works for it since then. */
void fk_dispatch_note(fk_black_box *box, const forker_request *req, uint64_t since_ns);

/*
 * The same for a route whose group has functions: calls those that are left of them, and the handler when all have
 * returned FORKER_NEXT. `stage` has FK_STAGE_*: without FK_STAGE_HANDLER not that one; and no function which needs a body that is still to come, nor
 * those behind it. The request's step tells how far it got.
 */
int fk_dispatch_chain(uintptr_t address, int stage);

/*
 * Gives the request's on_body a piece of the body and returns what it returned. `last` as in forker_body_fn: not 0 is
 * the last call.
 */
int fk_dispatch_body(uintptr_t address, uintptr_t data, uint64_t len, int last);

/* fk_response_fits(), for a handler that has returned. */
int fk_dispatch_fits(uintptr_t address);

/* The sentence of the last failed call about a request; "" if none has failed. */
const char *fk_dispatch_failure(uintptr_t address);

/*
 * Releases what a request that has ended holds: copies, parts of its body, memory beyond what is worth keeping for the
 * next one.
 */
void fk_dispatch_release(uintptr_t address);

/* Releases all that a request holds, which ended before: its memory goes away. */
void fk_dispatch_free(uintptr_t address);

/*
 * Called first and last on a thread of the handler pool; `thread` is its number, from 0, and that of its black box.
 * false: it cannot be used.
 */
bool fk_dispatch_thread_start(forker_server *server, uint32_t thread);
void fk_dispatch_thread_exit(forker_server *server);

#endif
