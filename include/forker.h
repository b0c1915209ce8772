/*
 * forker.h - serve HTTP on every core from a C, C++ or Python program.
 *
 * A program creates a server, registers callbacks, calls run. The library forks one worker process per core, each with
 * everything the program had set up before, and calls the callbacks for the requests that the workers receive:
 *
 *     static int greet(forker_request *req, void *user) {
 *         return forker_respond(req, 200, "text/plain", "greeting!!!", 11);
 *     }
 *
 *     int main(void) {
 *         forker_server *srv = forker_server_new();
 *         forker_server_handle(srv, "GET", "/", greet, NULL);
 *         forker_server_listen(srv, ":8080");
 *         return forker_server_run(srv) == FORKER_OK ? 0 : 1;
 *     }
 *
 * Conventions, which hold wherever an entry says nothing else:
 *
 *  - Functions that return int give FORKER_OK (0) or a negative FORKER_E_* code. Each entry lists the codes that it can
 *    give, except FORKER_E_INVALID for a NULL that it does not allow, and FORKER_E_MEMORY. forker_strerror() puts a
 *    code into words; forker_server_error(), forker_request_error() and forker_deferred_error() say what exactly went
 *    wrong.
 *  - A server is set up (handle, listen, set, load, and all that registers a function) in the process that made it,
 *    while it does not run; else these calls give FORKER_E_PROCESS or FORKER_E_STATE, which they do not list either. If
 *    one of them fails for another reason, run refuses to start, so that a program need not check each. One that does
 *    check, and knows what to do instead, takes the failure back by forker_server_clear_error().
 *  - Text goes in NUL-terminated, or as pointer and length. The library copies it before the call returns.
 *  - Text comes out NUL-terminated, with its length through an optional size_t pointer (NULL: not wanted). Text that
 *    belongs to a request is valid until its handler returns; text that belongs to a server until the next call on that
 *    server.
 *  - A NULL server or request gives FORKER_E_INVALID, or where there is no code NULL or 0; never a crash.
 *  - Callbacks get the `user` pointer they were registered with. They are called in the worker processes, on the main
 *    thread of each, one at a time. They must return: no longjmp and no C++ exception may leave them.
 *  - A server belongs to the thread that made it; no two threads may use it at once, except for calls that say "any
 *    thread". The tree is the processes of a running server: the one that runs it, its master and its workers.
 *  - errno has no meaning after a call.
 *  - The locale of the program does not matter: names of fields and methods, numbers and options are read as ASCII.
 *  - The program may fork anywhere, in a callback too. In a child that was forked by fork(2) off a process of a tree, or
 *    off one that has started or opened a server, the library has closed its descriptors and given the program's
 *    dispositions of signals back before fork returns; a request can still be read there, but every call about the
 *    server, or that answers, gives FORKER_E_PROCESS or does nothing. The child must not return from the callback: it
 *    executes a program or ends. A server that does not run yet is the child's as well, and runs wherever it is run.
 *  - What differs from these conventions is said by sentences that always begin in the same way, because bindings/api reads
 *    them too and makes a description of this header for bindings in other languages (docs/LANGUAGES.md): "Any thread, any
 *    process", or which ones; "May be NULL:" and the parameters; "Returns" and the codes, or what else an int is; "1 or 0"
 *    for one that tells whether something is so. `user` may always be NULL, and so may data of length 0, where there
 *    can be none.
 *
 * Everything here is since version 0.1.0.
 */
#ifndef FORKER_H
#define FORKER_H

#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

#define FORKER_VERSION_MAJOR 0
#define FORKER_VERSION_MINOR 1
#define FORKER_VERSION_PATCH 0
#define FORKER_VERSION "0.1.0"

/* A server: its options, routes, hooks and listening sockets. */
typedef struct forker_server forker_server;

/* One request and the response to it. Lives from the call of its handler until the handler returns, or the last call of
 * forker_request_on_body(), or if it is deferred, until its handle is used up. */
typedef struct forker_request forker_request;

/*
 * A request that is answered later. A number, not a pointer: one that is over is told apart for ever. 0 is never one.
 */
typedef uint64_t forker_deferred;

/* What forker_server_test() was answered. */
typedef struct forker_answer forker_answer;

/* The description of one option, see forker_option_at(). */
typedef struct forker_option forker_option;

/* ---------------------------------------------------------------------------------------------------------- results */

/* What calls and callbacks return. The numbers never change. */
enum {
    FORKER_OK = 0,             /* done; from a handler: answered */
    FORKER_NEXT = 1,           /* from a handler only: not mine, ask the next route that matches */
    FORKER_DEFERRED = 2,       /* from a handler only: answered later, through the handle of forker_request_defer() */
    FORKER_E_INVALID = -1,     /* an argument is NULL, out of range or malformed */
    FORKER_E_MEMORY = -2,      /* out of memory */
    FORKER_E_STATE = -3,       /* not allowed now: a second response, a setup call while running */
    FORKER_E_PROCESS = -4,     /* called in a process that cannot do this, such as a worker or a forked child */
    FORKER_E_OPTION = -5,      /* no such option, or not a value for it */
    FORKER_E_ADDRESS = -6,     /* cannot listen there */
    FORKER_E_ROUTE = -7,       /* a malformed method or pattern, or one that is already taken */
    FORKER_E_SYSTEM = -8,      /* the operating system refused */
    FORKER_E_BOOT = -9,        /* no master or worker ever became ready */
    FORKER_E_SETUP = -10,      /* an earlier setup call failed, so run refuses to start */
    FORKER_E_THREADS = -11,    /* the process has several threads, see option threads */
    FORKER_E_LIMIT = -12,      /* more than the library can hold: too many routes, listeners or headers */
    FORKER_E_INTERNAL = -13,   /* a bug in the library; the log has the details */
    FORKER_E_AGAIN = -14,      /* not yet: a stream's buffer is full, on_drain follows; a server still runs */
    FORKER_E_ABORTED = -15,    /* the client has left, or the request is over */
    FORKER_E_RESTARTS = -16,   /* workers died more often than option restart_limit allows */
    FORKER_E_PRIVILEGE = -17,  /* a worker that has given up root may not ask for this; see option worker_commands */
    FORKER_E_CERTIFICATE = -18 /* a certificate or key that cannot be used */
};

/*
 * The version of the library that is loaded, such as "0.1.0"; FORKER_VERSION is that of the header.
 * Any thread, any process. The text is static.
 */
const char *forker_version(void);

/*
 * A result code in words, such as "cannot listen there". A code that does not exist gives "unknown error code".
 * Any thread, any process. The text is static.
 */
const char *forker_strerror(int code);

/* ----------------------------------------------------------------------------------------------------------- server */

/*
 * Makes a server with default options, overridden by the environment: FORKER_WORKERS=4 is option workers set to 4 and
 * wins over forker_server_set(). Starts no thread or process, opens nothing.
 *
 * Returns the server, to be released by forker_server_free(), or NULL when memory is out. A wrong value in the
 * environment is remembered like any failed setup call: forker_server_run() refuses to start and says so. A variable
 * that is nearly one, such as FORKER_WROKERS, is a warning in the log of run.
 */
forker_server *forker_server_new(void);

/*
 * Releases a server and closes its listening sockets; a unix socket file that it made is removed. One that was started
 * or opened is stopped at once before, and its end waited for. NULL is a no-op, and so is a call while
 * forker_server_run() is running, in a process other than the one that made the server, from a handler, or if a handler
 * with workers=0 has not returned 5 seconds after the stop. Handles of its requests are void afterwards. Any thread, one
 * at a time: see forker_server_start(); no other one may be in a call about the server or a request of it.
 */
void forker_server_free(forker_server *server);

/*
 * Answers requests for `methods` on paths that match `pattern` by calling `handler`.
 *
 *   methods   one method or several, "GET" or "GET,POST"; "*" is any. Case matters, as in HTTP: "get" is
 *             refused. GET answers HEAD too.
 *   pattern   starts with "/". A segment ":name" matches any one non-empty segment, a last segment "*name" matches the
 *             rest of the path, however many segments, also none; both are read by forker_request_param(). Everything
 *             else must be equal, byte by byte, to the decoded path of the request. What could never be, or is a
 *             parameter in patterns of other libraries, is refused: "?", "#", "%20", "{id}", "<id>". A segment that
 *             itself begins with ":" or "*" is written with a backslash before it: "/tasks/\:done". With the prefixes of
 *             its groups it has at most 1024 bytes, and 16 parameters.
 *
 * Of several patterns that match, an exact segment goes before ":name" and that before "*name", from left to right.
 * A path that matches nothing is answered 404; one that only matches under other methods 405 with Allow, or 204 with
 * Allow if the method was OPTIONS.
 *
 * Returns FORKER_OK, FORKER_E_ROUTE (malformed; or the same pattern has a handler for one of the methods already),
 * FORKER_E_LIMIT (more than 65535 routes, or 54 methods that are not standard ones).
 */
typedef int (*forker_handler)(forker_request *req, void *user);
int forker_server_handle(forker_server *server, const char *methods, const char *pattern, forker_handler handler,
                         void *user);

/*
 * A route of a server, to set its options. It is the server's, and void after forker_server_free().
 *
 * forker_server_route() registers a route like forker_server_handle(), and puts it into *route_out; NULL if that
 * failed. Returns what that returns.
 */
typedef struct forker_route forker_route;
int forker_server_route(forker_server *server, const char *methods, const char *pattern, forker_handler handler,
                        void *user, forker_route **route_out);

/*
 * Sets an option of a route:
 *
 *   dispatch   "inline" calls the handler on the worker's main thread, one request at a time: nothing in it needs to be
 *              thread-safe, and while it runs the worker does nothing else. "pool" calls it on a thread of a pool
 *              (options max_handlers, handler_queue, handler_idle): it may block, and must be thread-safe. Default:
 *              option dispatch.
 *
 *   body       "buffer" calls the handler when the whole body is there. "stream" calls it when the head is: it answers
 *              at once, or takes the body piece by piece through forker_request_on_body(). A response that comes before
 *              the end of the body ends the connection, unless the rest has come already. Default: buffer.
 *
 *   max_body   Bytes of a request's body, as in option max_body, which is the default. Known before any of the body is
 *              read.
 *
 *   handler_timeout
 *              How long its handler may take to respond on a thread of the pool, or deferred, as in option handler_timeout,
 *              which is the default; "0" is for ever. It holds for the functions of its groups too
 *              (forker_group_use()), and begins anew where one has deferred. Where FORKER_NEXT leads to a route with
 *              another time, that one's begins. The deadline that a client of gRPC has set can end a call before.
 *
 *   name       By which forker_url() knows the route: any text but "", which no other route has.
 *
 * the limits of forms, form_parts, form_field, form_fields, form_file and form_files, see forker_request_form(); of methods
 * of gRPC those of messages, see forker_server_grpc_route(); and the options about gates of which docs/OPTIONS.md says that
 * a route can have them: rate_limit, security, hsts, csp, cors_origins, cors_headers, cors_expose, cors_credentials,
 * cors_max_age, basic_auth, auth_realm, csrf and csrf_origins; those about compressed bodies, decompress of requests, compress
 * and compress_types of responses; of a directory's files (forker_server_static()) those whose names begin with static_. Gates
 * decide before any function of the program is called but forker_group_on_origin(), in one order: where a request is from (trusted_proxies), its id and the method
 * that it means, redirects and rewrites, limits of rates, what browsers ask before a request (CORS), who the user is (basic_auth),
 * requests that pages of other sites send (csrf), how the body is compressed and how long it may be. A token of csrf, which can be in
 * the body, and a password that is not known yet, are looked at last. A request that is left to the next route by FORKER_NEXT passes
 * that one's gates too, from limits of rates on.
 *
 * What is not set of a route is as forker_group_set() says, then as the default, of gates the server's option.
 *
 * Returns FORKER_OK, FORKER_E_OPTION (no such name or value). A NULL route is FORKER_E_INVALID, as after one that was
 * refused.
 */
int forker_route_set(forker_route *route, const char *name, const char *value);

/*
 * Makes the path that leads to a route which has a name (forker_route_set()): its pattern with the `count` values in
 * the place of the parameters that have these names. Values are percent-encoded (RFC 3986 section 2.1), in that of
 * "*name" the slashes stay. What is no parameter of the pattern becomes a query behind the path: with names "id" and
 * "page" and values "7" and "2", "/users/:id" becomes "/users/7?page=2". At most `size` bytes with the NUL behind them
 * are written to text_out; if that is not enough, or something else is wrong, it is "".
 *
 * Any thread, any process that has the server. Returns FORKER_OK, FORKER_E_ROUTE (no route has that name),
 * FORKER_E_INVALID (a parameter has no value, or one with which the path would be another: a segment "." or "..", or of
 * ":name" also "" and one with a slash; a NULL; `size` is 0), FORKER_E_LIMIT (`size` is too small).
 */
int forker_url(forker_server *server, const char *name, const char *const *names, const char *const *values,
               size_t count, char *text_out, size_t size);

/* A route, as forker_route_at() tells of it. The texts are the server's, and stay as long as it has the route. */
typedef struct forker_route_info {
    uint32_t size; /* in: sizeof(forker_route_info), so that the library knows how much the program knows */
    uint32_t pad;
    const char *methods; /* "GET,POST" or "*" */
    const char *pattern; /* with the prefixes of its groups */
    const char *name;    /* "" if it has none */
    const char *host;    /* of forker_server_host(), in small letters; "" for any */
} forker_route_info;

/*
 * Tells of route number `index` of a server, from 0, in the order in which they were registered. Any thread, any process
 * that has the server; not while one is registered. Returns FORKER_OK, FORKER_E_INVALID (index beyond the last; `size` is
 * not set).
 */
int forker_route_at(forker_server *server, size_t index, forker_route_info *info_out);

/*
 * A part of a server: routes with a common prefix, their options, and functions around their handlers. It is the server's,
 * and void after forker_server_free().
 *
 * forker_server_group() makes one of the routes below `prefix`, such as "/api" or "/users/:id"; "" gives the server itself
 * as a group, to which all routes belong. forker_group_group() makes one inside of another, whose prefix goes before
 * `prefix`, which may be "": for some of its routes. Groups may have the same prefix.
 *
 * Return the group; or NULL, with the reason in forker_server_error(), where others return FORKER_E_ROUTE (the prefix does
 * not start with "/", ends with it, or is not one of patterns), FORKER_E_LIMIT (inside of 16 others).
 */
typedef struct forker_group forker_group;
forker_group *forker_server_group(forker_server *server, const char *prefix);
forker_group *forker_group_group(forker_group *group, const char *prefix);

/*
 * Makes a group of routes for requests to one host, "api.example.org", or to all hosts below a name, "*.example.org" (not to
 * that itself). Requests name it as forker_request_host() tells, whatever the case, the port, or a dot at the end; a host can
 * also be an address, "192.0.2.1" or "[2001:db8::1]".
 *
 * Nobody comes to these routes and functions by naming another host. Routes of a host go before those of the names above
 * it, the longest first, and these before routes without a host, to which requests go that the others do not match or leave
 * by FORKER_NEXT. So functions of the server itself see every request, those of a group without a host what no host has a
 * route or functions for, and those of a host all requests to it. Groups may have the same host.
 *
 * Returns the group; or NULL, with the reason in forker_server_error(), where others return FORKER_E_ROUTE (not a host).
 */
forker_group *forker_server_host(forker_server *server, const char *host);

/*
 * Registers a route in a group, like forker_server_handle() and forker_server_route(), with the prefix before `pattern`;
 * that may be "" where there is a prefix. Return what those return.
 */
int forker_group_handle(forker_group *group, const char *methods, const char *pattern, forker_handler handler,
                        void *user);
int forker_group_route(forker_group *group, const char *methods, const char *pattern, forker_handler handler,
                       void *user, forker_route **route_out);

/*
 * Sets an option of all routes of a group, see forker_route_set(), also of those that are registered later and of the
 * groups inside of it. What is set of an inner group, or of a route, goes before it. What keeps requests out, basic_auth and
 * csrf, holds for every request below the prefix, also if there is no route for it, as functions of forker_group_use() do.
 * Returns what forker_route_set() returns, FORKER_E_LIMIT (too many routes).
 */
int forker_group_set(forker_group *group, const char *name, const char *value);

/* How a request has ended, for the functions of forker_group_use(). */
typedef struct forker_outcome {
    uint32_t size;      /* sizeof(forker_outcome), so that the program knows how much the library knows */
    int32_t status;     /* of the response, also of one that was the library's own; 0: there was none */
    int32_t reason;     /* FORKER_CLOSE_* */
    uint32_t pad;       /* 0 */
    uint64_t bytes_in;  /* of the request's body, as far as it has come; of a compressed gRPC message: inflated */
    uint64_t bytes_out; /* of the response's body, as far as it was to be sent */
    uint64_t ns;        /* since the library had the request's head */
} forker_outcome;

/*
 * Has `before` called before the handlers of a group, and `done` when the request has ended. May be NULL: before, done.
 * They count for all routes of the group and of those inside of it, in whatever order all of that is registered: the
 * functions of the outer group come first, in a group those that were registered first, and done functions in the
 * opposite order.
 *
 * before returns what a handler does: FORKER_NEXT goes on, fields and a status that it has set stay; FORKER_OK has
 * answered, FORKER_DEFERRED will, or goes on later by forker_deferred_next(); a negative code is a logged 500. It runs
 * where the handler does (option dispatch). For a request with a body it is called when the head is there, before any of
 * the body is read or a client that asks by "Expect: 100-continue" is told to go on, unless a handler has passed the
 * request on; forker_request_body() is empty then.
 *
 * Every request below the prefix of the group comes to its functions, whatever its method, also if there is no route for
 * it, and OPTIONS; after them it goes to the routes of the server that match, or is answered 404, 405 or 204. Of this are
 * excepted only routes that the program has registered elsewhere with a pattern that is equal to the prefix, or goes
 * before it as forker_server_handle() says. No function sees a request twice.
 *
 * done is called exactly once for each request that has come to its pair, whether before is NULL or what it returned:
 * when the response is sent, the client has left, or the handle is used up, whichever is last; on the worker's main thread,
 * or if the server has stopped before in the program's own process, by whoever uses up the handle or frees the server. What
 * the request was can be read, the response is over. Not called if the process ends before.
 *
 * Returns FORKER_OK, FORKER_E_INVALID (both are NULL), FORKER_E_LIMIT (more than 64 in a group, too many routes).
 */
typedef void (*forker_done_fn)(forker_request *req, const forker_outcome *outcome, void *user);
int forker_group_use(forker_group *group, forker_handler before, forker_done_fn done, void *user);

/*
 * Has the requests of a group show a key, of which `check` says whether it is good: for all that is below its prefix, and in one
 * order with the functions of forker_group_use(), of which this is one. `sources` says where the key is, in one place or several,
 * separated by commas, at most 8, of which the first one counts that a request has a key in:
 *
 *   header:NAME          the value of a field, as in header:X-API-Key
 *   header:NAME:SCHEME   what stands there behind a word and blanks, as in header:Authorization:Bearer
 *   query:NAME           a parameter of the query; whoever has the access log has the key then
 *   cookie:NAME          a cookie; browsers send it for pages of other sites too, see option csrf
 *   form:NAME            a field of a form. Where no source before it has a key, this function and those behind it are called when
 *                        the body is there, and a route with body=stream has it as one piece.
 *
 * A place that has several keys has none; so has one whose key is empty. Without a key, or if it is not good, the client gets 401
 * with WWW-Authenticate: the scheme, or "ApiKey" where there is none, and option auth_realm. `check` is called where the handlers
 * are (option dispatch), and returns
 *
 *   FORKER_NEXT (1)   it is good, and the request goes on
 *   FORKER_OK (0)     it is not good; or it has answered by itself, in one call of forker_respond() or another one
 *
 * so that what forker_same_secret() returns can be returned; FORKER_DEFERRED, and goes on by forker_deferred_next() or answers; or
 * a negative code, which is a logged 500. The key is NUL-terminated, and valid until the request ends.
 *
 * Returns FORKER_OK, FORKER_E_INVALID (malformed sources, named by forker_server_error()), FORKER_E_LIMIT as forker_group_use().
 */
typedef int (*forker_key_fn)(forker_request *req, const char *key, size_t len, void *user);
int forker_group_key_auth(forker_group *group, const char *sources, forker_key_fn check, void *user);

/*
 * The same for name and password by HTTP Basic (RFC 7617), where they are not in a file (option basic_auth). A name has 1 to 255
 * bytes, both have at most 1023, and neither a control character; all else is 401 without a call of `check`. A name whose password
 * was good is forker_request_user() from then on, unless the request was deferred. Passwords that are hashed as they should be take
 * long to compare: option dispatch=pool lets others go on meanwhile.
 *
 * Returns FORKER_OK, FORKER_E_INVALID (check is NULL), FORKER_E_LIMIT as forker_group_use().
 */
typedef int (*forker_password_fn)(forker_request *req, const char *name, const char *password, void *user);
int forker_group_basic_auth(forker_group *group, forker_password_fn check, void *user);

/*
 * Has `may_read` say whether pages of an origin, such as "https://customer.example", may read what is answered (CORS), where
 * option cors_origins does not name it: for the routes of a group and of those inside of it, of which each can have a function of
 * its own; for what has no route that of the server, forker_server_group(server, ""). The other options cors_... hold as for
 * origins of the list. It is asked once about each request with an Origin field, on the worker's main thread, as soon as the head
 * is there: before every other function, and also about what is then refused, by rate_limit for example, since a page can read no
 * error without it; and about the question that browsers ask first (OPTIONS with Access-Control-Request-Method), of which the
 * parameters are those of the route that the question is about. All others wait for it, so what it looks up has to be in memory. It
 * reads the request's head, and can forker_request_set() what it finds; it can neither respond nor defer, and returns
 *
 *   1   they may; with cors_credentials=on also as the user whom the browser knows there
 *   0   they may not: browsers keep the answer from the page
 *
 * Anything else is a logged 0. Whether the request is served is no matter of it: that is for a gate or a before function. `origin`
 * is in small letters if it is from a browser, and may be "null", which many pages share that have nothing to do with each other:
 * those in sandboxes, and files. What is no origin at all is not asked about. All answers have "Vary: Origin". The text, and pieces
 * of the request, are valid until it returns. Run fails with FORKER_E_OPTION where cors_origins has "*", so that it would never be
 * asked.
 *
 * Returns FORKER_OK, FORKER_E_INVALID (may_read is NULL), FORKER_E_STATE (the group has one).
 */
typedef int (*forker_origin_fn)(forker_request *req, const char *origin, void *user);
int forker_group_on_origin(forker_group *group, forker_origin_fn may_read, void *user);

/*
 * Whether a text that a client has given is the secret: 1 or 0. The time that this takes depends on the lengths of both only,
 * not on how much of them is the same, so that nobody finds the secret out byte by byte. 0 if one is NULL, or no text has that
 * length. Any thread, any process.
 */
int forker_same_secret(const char *given, size_t given_len, const char *secret);

/*
 * Has `on_error` answer where the library would put an error into words: its own (404 and 405 without a route, 413,
 * 415, 429, 503 ..., 500 for a handler that has failed) and those of forker_respond_error(). It gets the request, the
 * status, and what the library would put behind that, which may be "", and answers as a handler does on the main
 * thread, at once: with this status, or another one. Fields that belong to the error are set already and stay: Allow,
 * Retry-After, those that were set before forker_respond_error(). FORKER_NEXT leaves the words to the library (option
 * errors). After anything else than FORKER_OK and a response these are sent too, and the log has a line.
 *
 * The body of the request is empty where it has not come, and the parameters are those of the route that was found, if
 * any. In the library's words are always: errors of requests whose head has not come or is malformed, 504 for option
 * handler_timeout and others in the place of a response that the program still owes, and errors in calls of gRPC. What
 * the function answers with forker_respond_error() is in the library's words, too. May be NULL: on_error, which removes
 * it. Returns FORKER_OK.
 */
typedef int (*forker_error_fn)(forker_request *req, int status, const char *detail, void *user);
int forker_server_on_error(forker_server *server, forker_error_fn on_error, void *user);

/*
 * A slot for a value that functions have for each other about a request, such as the user that a before function has
 * found, see forker_request_set(). `destroy` is called for each value that is replaced, and for the last one when the
 * request has ended, after the done functions, where these are called. May be NULL: destroy.
 *
 * Returns the number of the slot, from 0 to 15, FORKER_E_LIMIT (there are 16).
 */
typedef void (*forker_release_fn)(void *user);
int forker_server_slot(forker_server *server, forker_release_fn destroy);

/*
 * Serves the files of a directory to GET and HEAD, at the paths below `prefix`, such as "/assets"; "" is all paths that no
 * better route has. forker_group_static() puts the prefix of the group before it. The prefix itself, and directories, are
 * redirected to the path with a slash at its end, which is answered with the file of option static_index. They are routes
 * like others: options, gates and functions of their groups count for them, and a request is served only after all of
 * these. What functions before have set of fields goes before what the file says. The rest of the path is their parameter
 * "file".
 *
 * What is served, and how:
 *   - Nothing outside of the directory: links that lead out of it are 404, as are hidden files, whose names begin with a
 *     dot (but "/.well-known/"), empty segments, escaped slashes and backslashes, and whatever is not a regular file. A
 *     file that must not be read is 403.
 *   - ETag, Last-Modified and conditional requests (RFC 9110 section 13), ranges, up to 16 that do not overlap (section
 *     14), X-Content-Type-Options: nosniff, and a Content-Type by the ending of the name.
 *   - Each worker keeps up to 1000 files open, and for that no more than an eighth of the descriptors that it may have; of
 *     files of up to 16 KiB it has the bytes instead, 8 MiB of them. Each is looked at again after a second. None of it calls
 *     the program, and a slow disk keeps only those waiting who want what is on it.
 *
 * The directory is looked for now, and again by each worker, as the user that it is, under chroot too; where another one
 * takes its place, a reload has it served. A relative one is meant from the present directory on.
 *
 * How it is served is said by forker_route_set() and forker_group_set() with the options whose names begin with static_,
 * see docs/OPTIONS.md; route_out gets the route for that. It is NULL if the call fails. May be NULL: route_out.
 *
 * Return FORKER_OK, FORKER_E_ROUTE (malformed prefix, or there is a route already), FORKER_E_SYSTEM (the directory
 * cannot be opened), FORKER_E_LIMIT (too many routes).
 */
int forker_server_static(forker_server *server, const char *prefix, const char *directory, forker_route **route_out);
int forker_group_static(forker_group *group, const char *prefix, const char *directory, forker_route **route_out);

/*
 * Signs the value of a cookie, so that a client cannot make one: text_out gets value, "." and 43 characters that are
 * the HMAC-SHA256 of name and value by the first key of option cookie_keys. The value can still be read, and used by
 * whoever has it: what it says should have an end, and say whose it is. verify gives the value of such a text, if it
 * was signed for this name by one of the keys.
 *
 * At most `size` bytes with the NUL behind them are written: a signed text takes 45 more than the value has, a value no
 * more than its text. What is written is "" if the call fails. Any thread, any process that serves.
 *
 * Return FORKER_OK, FORKER_E_INVALID (not a name or value as of forker_cookie, or more than 4095 bytes of both; the
 * signature is not good), FORKER_E_LIMIT (`size` is too small), FORKER_E_STATE (option cookie_keys is empty),
 * FORKER_E_PROCESS (this process does not serve).
 */
int forker_cookie_sign(forker_server *server, const char *name, const char *value, char *text_out, size_t size);
int forker_cookie_verify(forker_server *server, const char *name, const char *text, char *value_out, size_t size);

/*
 * Has requests for the path `from` be for the path `to`, before their route is looked for: "/old" and "/new". If `from` ends
 * with a slash and a star, it is all that is below; then `to` can end with "/$1", for what stands in place of the star.
 * Paths are written decoded. The first rule that matches counts, and what comes of it is not looked at again.
 * forker_request_path() is the new path, forker_request_target() what the client has sent. At most 256.
 *
 * Returns FORKER_OK, FORKER_E_ROUTE (malformed), FORKER_E_LIMIT (more than 256).
 */
int forker_server_rewrite(forker_server *server, const char *from, const char *to);

/*
 * Opens a listening socket; may be called several times, up to 64 sockets in all. The address is one of
 *
 *   "127.0.0.1:8080"   that IPv4 address ("0.0.0.0:8080": all of IPv4, only)
 *   "[::1]:8080"       that IPv6 address ("[::]:8080": all of IPv6, only)
 *   ":8080"            every address, IPv4 and IPv6
 *   "localhost:8080"   every address that the name has, but ::1 only if the machine has it
 *   "unix:/run/a.sock" a unix socket; "?mode=0660&user=www&group=www" at the end sets mode (else option unix_mode) and
 *                      owner, each of which may be left out. A socket file that nobody listens on any more is replaced,
 *                      one in use is not; it is removed when the server stops, if it is still the same file.
 *   "systemd"          all sockets that systemd has passed to this process, "systemd:web" those named so by
 *                      FileDescriptorName=, see sd_listen_fds(3); they stay systemd's
 *   "fd:3"             a listening stream socket that the program has open; it is duplicated and stays the program's
 *
 * Behind "?" any of these can say that it speaks TLS, as in ":8443?tls=on&client_cert=required":
 *
 *   tls=on                 HTTPS, with the certificates of forker_server_certificate()
 *   client_cert=optional   asks clients for a certificate, which must be good if there is one; client_cert=required
 *                          refuses those that have none. By the CAs of forker_server_client_ca().
 *
 * or, in clear text, that it only leads there, as in ":8080?redirect_https=on":
 *
 *   redirect_https=on      answers requests with a redirect to the same host and target by HTTPS, at the port of the first
 *                          address that has tls=on; redirect_https=443 names the port, where clients see another one.
 *                          GET and HEAD get a 301, other methods a 308. No handler is called, but for paths below
 *                          /.well-known/acme-challenge/, by which certificate authorities prove a name (RFC 8555).
 *
 * and that a proxy passes connections on to it, as HAProxy with send-proxy does, ":8080?proxy=on":
 *
 *   proxy=on               each connection begins with a header of the PROXY protocol, version 1 or 2, which says who the
 *                          client is: that is forker_request_client() then, and the address in the access log. Who is
 *                          not one of option trusted_proxies, or sends no header, is not served. A header that passes on
 *                          a client without naming it (UNKNOWN) leaves the proxy's address, and nothing that such a
 *                          client says of itself is believed. Option max_connections_per_peer counts proxies here.
 *
 * Port 0 lets the system choose; forker_server_address() tells what it chose. TCP sockets get SO_REUSEADDR.
 *
 * Returns FORKER_OK, FORKER_E_ADDRESS (malformed, in use, not permitted ...: the sentence of forker_server_error()
 * names the address and the reason), FORKER_E_LIMIT.
 */
int forker_server_listen(forker_server *server, const char *address);

/*
 * The address of listening socket number `index`, counted from 0 in the order of opening, as text that
 * forker_server_listen() understands, with the real port and without parameters: "127.0.0.1:40123". NULL beyond the
 * last one.
 * Any process of the tree.
 */
const char *forker_server_address(forker_server *server, size_t index);

/*
 * Gives the server a certificate, for the addresses with tls=on: the chain, its own certificate first, and the key that
 * belongs to it, each a PEM file of at most 1 MiB. Key types are ECDSA, RSA and Ed25519. May be called up to 256 times:
 * a client gets the certificate for the name that it asks for (exact names go before wildcards), of several for the same
 * name the first that it can use, and without such a name the first of all; see option tls_strict_sni.
 *
 * The files are read by this call, and again by each reload, in the process that runs the server: workers need not be
 * able to read them. They are parsed before the first worker is forked, and at a reload before anything changes, by a
 * process of its own (with workers=0 by the calling one): run fails then, and a reload is refused, with a sentence that
 * names file and reason. One that has expired is used, with a warning.
 *
 * Returns FORKER_OK, FORKER_E_CERTIFICATE (a file that cannot be read, is too large, or has no certificate or key in
 * it; a key that is encrypted), FORKER_E_LIMIT.
 */
int forker_server_certificate(forker_server *server, const char *chain_path, const char *key_path);

/*
 * The same with PEM texts from memory, which are copied. A reload keeps them. `name` stands for the certificate in
 * sentences. Returns what forker_server_certificate() does.
 */
int forker_server_certificate_pem(forker_server *server, const char *name, const void *chain, size_t chain_len,
                                  const void *key, size_t key_len);

/*
 * Has clients get an OCSP response along with a certificate that was given before ("stapled", RFC 6066 section 8): so
 * they need not ask the certificate authority whether it is revoked. `name` is what forker_server_certificate() was
 * called with as chain_path, or forker_server_certificate_pem() as name; of several such certificates the latest is meant.
 * The file, in DER as by "openssl ocsp -respout", is fetched by somebody else, such as a timer; it is read and checked
 * when certificates are, so that run fails, or a reload is refused, if it is malformed, for another certificate, or not
 * signed by the second certificate of the chain. One that has expired, or does not say that the certificate is good, is
 * left out with a warning; one that expires later is left out from then on.
 *
 * Returns FORKER_OK, FORKER_E_CERTIFICATE (it cannot be read, or has more than 1 MiB), FORKER_E_INVALID (there is no such
 * certificate), FORKER_E_STATE (it has a response already).
 */
int forker_server_certificate_ocsp(forker_server *server, const char *name, const char *path);

/*
 * The CAs by one of which the certificates of clients have to be signed, for the addresses with client_cert=: a PEM
 * file of at most 1 MiB, which is read and checked as those of forker_server_certificate() are.
 *
 * Returns FORKER_OK, FORKER_E_CERTIFICATE, FORKER_E_STATE (called before).
 */
int forker_server_client_ca(forker_server *server, const char *path);

/*
 * Serves until stopped: forks the workers and supervises them. The calling process becomes the spawner: it forks, reaps
 * and forwards signals, and never serves a request itself. It should have a single thread, because fork() carries over
 * only the thread that calls it: with more, a warning says how many, or where they are those of a managed runtime (Go,
 * Java, Node.js ...), run refuses to start; option threads decides otherwise.
 *
 * While it runs, SIGTERM and SIGQUIT stop gracefully (requests in flight are finished, up to option drain_timeout),
 * SIGINT stops at once (a second SIGTERM too); SIGHUP is forker_server_reload(), or a graceful stop if it says that the
 * terminal is gone, which is ignored if SIGHUP was ignored before (nohup(1)); SIGUSR1 is forker_server_reopen(),
 * SIGUSR2 forker_server_upgrade(), SIGTTIN and SIGTTOU forker_server_scale() by one up and down, SIGWINCH
 * forker_server_drain(). SIGTERM, SIGQUIT and SIGINT are the program's again when it returns; of the others those that
 * the program handles stay with it all the time. In master and workers what is taken does nothing, and SIGPIPE neither,
 * by an empty handler: programs that are started there get these signals. Option handle_signals=off leaves signals
 * alone. The listening sockets are closed when it returns; another run opens them again.
 *
 * With option workers=0 nothing is forked: the calling thread serves until stopped, and of the signals only SIGTERM,
 * SIGQUIT and SIGINT are handled; SIGPIPE stays as the program has it, and the library raises none. The Go runtime then
 * stays in the process, which can no longer run forked workers.
 *
 * Returns FORKER_OK after a stop, in the calling process only; or, with the reason in forker_server_error() and in the
 * log: FORKER_E_SETUP (a setup call failed before), FORKER_E_STATE (already running, or no route or no listening
 * socket; TLS without a certificate), FORKER_E_CERTIFICATE (one that cannot be used, see forker_server_certificate()),
 * FORKER_E_OPTION (options that do not go together, or name a file that cannot be used), FORKER_E_BOOT (no worker became
 * ready), FORKER_E_RESTARTS (workers died too often), FORKER_E_THREADS, FORKER_E_PROCESS (in a worker, or where the Go
 * runtime already runs), FORKER_E_ADDRESS (second run, address now taken; or the program has closed or replaced a
 * listening socket), FORKER_E_MEMORY (or too little address space for Go under RLIMIT_AS), FORKER_E_SYSTEM.
 */
int forker_server_run(forker_server *server);

/*
 * The sentence that belongs to the last failed call on this server, such as "listen 127.0.0.1:80: bind: Permission
 * denied". "" when none failed.
 */
const char *forker_server_error(forker_server *server);

/*
 * Takes back the latest setup call that failed, as clearerr(3) does for a stream: run does not refuse to start because
 * of it, and forker_server_error() is "" again. The call itself has changed nothing. So a program can try one port
 * after the other:
 *
 *     while (forker_server_listen(server, address) != FORKER_OK && next_port(address)) {
 *         forker_server_clear_error(server);
 *     }
 *
 * Failures of calls before that one stay, and so does a wrong value in the environment. A no-op if none has failed since
 * the last time. Returns FORKER_OK.
 */
int forker_server_clear_error(forker_server *server);

/* ------------------------------------------------------------------------------------- while the program goes on */

/*
 * Serves like forker_server_run(), but returns as soon as the server is up, and leaves the calling thread to the
 * program.
 *
 * With workers, the spawner is a child of the calling process, forked by fork(2) or the function of
 * forker_server_set_fork(); forker_stats tells its pid. The server is up when the first worker is ready, and if that
 * takes longer than option boot_timeout, start fails. The calling process keeps its signals to itself; those that
 * option handle_signals is about are handled by the spawner if they are sent to it, and ignored there if the terminal
 * sent them. Option pid_file names the spawner. When the calling process ends, however it does, the tree stops as by
 * forker_server_stop() and -1. Several servers can be started from one process, as long as none of them has workers=0.
 *
 * With workers=0 the server runs on a thread of this process, with all signals blocked: the hooks and all handlers that
 * are not pooled are called on it, and what of this header says "main thread" means it. Any number of servers can be
 * started this way or opened by forker_server_open(), each on its own; the Go runtime stays in the process, and forked
 * workers are out of the question from then on, for this server and others.
 *
 * A process in which the Go runtime runs may fork, but no server can run in its child.
 *
 * After start, the server ends by forker_server_stop() or by itself; forker_server_wait() tells how, and only then can
 * it be set up or started again. Until then what was registered stays in use: handlers, hooks and their `user`.
 * Any thread, one at a time: so may start, wait and forker_server_free() of a server be called, but not by a callback of it.
 *
 * How a server ends that serves in the program's own process: it takes no connection any more, and the hook
 * worker_drain is called; requests in flight have until the limit of the stop. What is then left is cut off, and those
 * that were deferred are told by forker_deferred_on_close() with FORKER_CLOSE_SHUTDOWN. A handler that runs is always
 * waited for, in the pool too: no thread can be ended from outside. At last the hook worker_exit is called, and the
 * file of a unix socket goes. Threads, descriptors and memory are given back, but for requests whose handles are not
 * used up.
 *
 * Returns FORKER_OK; or else, with the reason in forker_server_error() and in the log,
 * what forker_server_run() does (FORKER_E_BOOT also if the hook worker_init failed with workers=0).
 */
int forker_server_start(forker_server *server);

/*
 * Serves on an event loop of the program's own, which needs option workers=0: open makes everything ready and returns;
 * after that the server lives on calls of forker_server_poll(). All hooks and handlers that are not pooled are called
 * from within these calls, on the calling thread, which is "the main thread" of what this header says; it may be
 * another one each time, one at a time. Signals are left alone. Besides, everything is as with forker_server_start()
 * and workers=0; a stop, too, takes calls of forker_server_poll() until it is done, or forker_server_free().
 *
 * Returns as forker_server_start() does, FORKER_E_OPTION if workers is not 0.
 */
int forker_server_open(forker_server *server);

/*
 * A descriptor that can be read (poll(2), epoll(7), libevent ...) whenever forker_server_poll() has something to do,
 * deadlines and a stop included. It stays the library's: nothing may be done to it but waiting. It is closed when
 * forker_server_poll() says that the server is over: take it out of the loop then, before its number is another's.
 *
 * Returns the descriptor, FORKER_E_STATE (not open, or called from a callback of the server other than
 * forker_server_on_worker_loop()), FORKER_E_PROCESS.
 */
int forker_server_poll_fd(forker_server *server);

/*
 * Does what there is to do for a server that is open. If there is nothing, it waits for at most `timeout_ms`, without
 * limit if that is negative; 0 is right when forker_server_poll_fd() can be read. It returns after one round, and may
 * do so before the time is over.
 *
 * Returns 1 while the server serves. Else it has ended and can be set up or opened again, and the result is that of
 * forker_server_run(): FORKER_OK after forker_server_stop(). Or FORKER_E_STATE (not open, or called from a callback of
 * the server), FORKER_E_PROCESS (in another process than the one that opened it).
 */
int forker_server_poll(forker_server *server, int32_t timeout_ms);

/*
 * Waits until a server that was started has ended, for at most `timeout_ms`, or as long as it takes if that is
 * negative. It waits for no other child of the program, and does not stop the server. No signal ends the wait. Any thread,
 * one at a time: see forker_server_start().
 *
 * Returns what forker_server_run() would have returned: FORKER_OK after a stop, FORKER_E_BOOT ..., and FORKER_E_SYSTEM
 * if the spawner was killed. Or FORKER_E_AGAIN (it still serves), FORKER_E_STATE (it was not started, or has been
 * waited for, or it is the serving thread that calls), FORKER_E_PROCESS (in another process than the one that started
 * it).
 */
int forker_server_wait(forker_server *server, int32_t timeout_ms);

/* ---------------------------------------------------------------------------------------------------- one's own tests */

/*
 * Has a server answer a request of the program's own, without a port, for tests of what the program registers: everything is done
 * that is done for one which comes over a socket, from gates and functions of groups to the access log. The client is a unix socket to
 * the server (forker_request_peer() is "unix:"; trusted_proxies=unix has it say who it is), without TLS. It needs option workers=0. The first
 * call opens the server, as forker_server_open() does, but for that no listening socket is wanted; the hooks of a worker are called
 * for it. It stays open for further calls, with what handlers keep in memory, and cannot be set up, until forker_server_stop() and
 * one more step of forker_server_poll(), or forker_server_free(). A server that the program has opened itself can be asked, too.
 *
 * `request` is one request of HTTP/1 as a client sends it: "GET /notes HTTP/1.1\r\nHost: test\r\n\r\n". The calling thread is the
 * main thread, which runs handlers and all else from within this call, as forker_server_poll() does; requests on the pool, deferred
 * ones, streams and timers go on meanwhile as always. When the answer is there the client leaves, and the call returns after the server has
 * noticed that. `timeout_ms` is how long the answer may take, negative: as long as it takes; a handler that does not return is not
 * ended by that.
 *
 * *answer_out is what has come, the caller's to be released by forker_answer_free(), and NULL if no status has: also where not
 * FORKER_OK but FORKER_E_AGAIN or FORKER_E_ABORTED is returned, since a stream of events has no end. Interim responses are passed over.
 *
 * Returns FORKER_OK (whatever the status of the answer is), FORKER_E_AGAIN (it is not whole in time), FORKER_E_ABORTED (the connection
 * or the server has ended before), FORKER_E_INVALID (no request, or no empty line ends its head), FORKER_E_STATE (the server runs
 * already, or it is a callback of it that calls), or what forker_server_open() does: FORKER_E_OPTION if workers is not 0.
 */
int forker_server_test(forker_server *server, const void *request, size_t len, int32_t timeout_ms,
                       forker_answer **answer_out);

/*
 * Return the status; the value of the field of that name, in whatever letters, number `index` from 0 of those that have it, or of the
 * trailer section behind a chunked body; the body, without what frames it and with a NUL behind it; and all as it came. NULL (0) where
 * there is none, and for a NULL answer. The texts are the answer's: valid until it is released. Any thread, any process.
 */
int forker_answer_status(const forker_answer *answer);
const char *forker_answer_header(const forker_answer *answer, const char *name, size_t index);
const char *forker_answer_trailer(const forker_answer *answer, const char *name, size_t index);
const char *forker_answer_body(const forker_answer *answer, size_t *len_out);
const char *forker_answer_text(const forker_answer *answer, size_t *len_out);

/* Releases it. A no-op for NULL. Any thread, one at a time. */
void forker_answer_free(forker_answer *answer);

/* --------------------------------------------------------------------------------------------------------- steering */

/*
 * What is asked of a running server. Any thread, any process of the tree: so by a handler too, and in a signal handler.
 * The calls of this section do not wait. Return FORKER_OK, or FORKER_E_STATE if the server does not run, and all but stop
 * and reopen also with workers=0. A worker can steer the server that it is a worker of, for others of
 * the same program it gets FORKER_E_PROCESS (stop: FORKER_OK).
 *
 * With option user, workers have less privileges than the spawner: from them reload, reopen and upgrade, which have the
 * spawner read, write and execute files, give FORKER_E_PRIVILEGE, unless option worker_commands is on.
 */

/*
 * Asks the server to stop. `timeout_ms` is how long requests in flight may take before they are cut off: 0 is at once,
 * negative is option drain_timeout. A later call can only shorten it. If the server does not run, it counts for the next
 * run, start or open, which then ends as soon as it has begun: so that a signal which asks for the stop while the
 * program is still starting, or between two runs, is not lost.
 */
int forker_server_stop(forker_server *server, int32_t timeout_ms);

/*
 * Replaces the workers by new ones, without losing a request. In the spawner the file of forker_server_load() is read
 * again and the on_reload hook called; if either fails, nothing else happens. Then the workers are replaced one at a
 * time: a new one, forked from the spawner as it is now, is READY before an old one is drained, and there is never more
 * than one process too many. After three failed boots of new workers the reload is given up, and the old ones stay.
 * Called again meanwhile, it begins again. The log tells how it goes.
 *
 * After forker_server_drain() it starts the workers again.
 */
int forker_server_reload(forker_server *server);

/*
 * Asks for so many workers more, or fewer if `change` is negative: never fewer than one, never more than
 * 1024. Workers that are too many are drained. After forker_server_drain() it also starts the workers again.
 * A later reload keeps the number, unless the file that it reads has changed option workers. A change
 * beyond 1024 either way gives FORKER_E_INVALID.
 */
int forker_server_scale(forker_server *server, int32_t change);

/*
 * Drains all workers and starts none, but goes on running: new connections wait in the kernel's queue
 * until forker_server_reload() or forker_server_scale() starts the workers again.
 */
int forker_server_drain(forker_server *server);

/*
 * Has every process of the server open its log files anew, after they were renamed away, and call the
 * on_reopen hook.
 */
int forker_server_reopen(forker_server *server);

/*
 * Starts the program anew, from the file that has its path now and with the arguments, in the directory of its start
 * and with the present environment. The new process gets the listening sockets: its forker_server_listen() with the
 * same text as here takes them over instead of opening new ones. Both serve until all workers of the new process are
 * ready; then this server stops gracefully and run returns FORKER_OK. No request is lost.
 *
 * If the new process fails, is stopped by a signal, or is not ready within option upgrade_timeout, this one goes on as
 * if nothing had been. Pid file and systemd's main process follow to the new process. The log tells how it goes. A
 * program that is pid 1 cannot be replaced; it says so in the log.
 */
int forker_server_upgrade(forker_server *server);

/*
 * Has `fn` called on the main thread of this process, in the next turn of its loop: the way from any thread to where the
 * handlers run, and for a handler to go on with something later, without holding up others. Functions are called in the
 * order in which they were posted, each once. What they post is called in a further turn. When the server ends in this
 * process, those that were posted until then are called first.
 *
 * Any thread, any process that serves: from the hook worker_ready on, and not in a signal handler. Returns FORKER_OK; or, and
 * then `fn` is not called, FORKER_E_STATE (this process does not serve, or not any more), FORKER_E_PROCESS (in a
 * process that was forked off one which serves).
 */
typedef void (*forker_post_fn)(forker_server *server, void *user);
int forker_server_post(forker_server *server, forker_post_fn fn, void *user);

/*
 * Has `fn` called on the main thread of this process, between requests, after `first_ms` milliseconds, and if
 * `every_ms` is not 0, from then on every so many. It gets the number of the timer. Timers that are due at once are
 * called in the order of their times; a call that comes too late because the thread was busy makes up for all that were
 * due before. They end with the server in this process, without being called.
 *
 * Any thread, any process that serves: from the hook worker_ready on, and not in a signal handler. Returns the number, which
 * is greater than 0; or FORKER_E_INVALID (a negative time, or more than 10 years), FORKER_E_STATE (this process does
 * not serve, or not any more), FORKER_E_PROCESS (in a process that was forked off one which serves).
 */
typedef void (*forker_timer_fn)(forker_server *server, int64_t timer, void *user);
int64_t forker_server_timer(forker_server *server, int64_t first_ms, int64_t every_ms, forker_timer_fn fn, void *user);

/*
 * Ends a timer. Any thread, any process that serves; on the main thread its function is not called any more afterwards,
 * from another one it may be running. Returns FORKER_OK, FORKER_E_INVALID (there is no such timer: it was called, or has ended), FORKER_E_PROCESS.
 */
int forker_server_timer_cancel(forker_server *server, int64_t timer);

/* ---------------------------------------------------------------------------------------------------------- options */

/*
 * Sets an option by name, see docs/OPTIONS.md or forker_option_at() for the list. Values are text: numbers "100", sizes
 * "64k", "1m", durations "500ms", "10s", "2m". The environment wins: if FORKER_<NAME> is set, the value is checked but
 * not used.
 *
 * Returns FORKER_OK, FORKER_E_OPTION (unknown: the sentence suggests the nearest name; or not a value: it names type
 * and bounds).
 */
int forker_server_set(forker_server *server, const char *name, const char *value);

/*
 * Sets options from a file of lines "name = value"; blank lines and lines that begin with "#" are skipped. It is as if
 * each were set by forker_server_set() now, so a later call of that wins, and the environment does. At a reload the
 * file is read again, and the options that a reload can change get the values that it has then; an option whose line is
 * gone gets back the value from before the load. Workers that are running keep theirs, their successors and the master
 * get the new ones.
 *
 * `path` is copied; relative to the working directory of now. One file: a second call is an error.
 *
 * Returns FORKER_OK, FORKER_E_SYSTEM (cannot be read), FORKER_E_OPTION (the sentence names the line: not name = value,
 * unknown option, not a value for it, set twice; then no option is changed), FORKER_E_LIMIT (more than 64 KiB),
 * FORKER_E_STATE (a file was loaded already), FORKER_E_PROCESS (in another process than the server's maker).
 */
int forker_server_load(forker_server *server, const char *path);

/*
 * The value of an option as it would be used, in the form forker_server_set() takes. NULL if there is no such option.
 */
const char *forker_server_get(forker_server *server, const char *name);

/* Option number `index` of the library, from 0; NULL beyond the last one. Any thread, any process; static. */
const forker_option *forker_option_at(size_t index);

/*
 * What there is to know of an option. The type is "number", "size", "duration", "mode", "choice", "text", "user",
 * "group", "directory" or "address". Each of these gives NULL (or 0) for a NULL option. Any thread, any process. The
 * texts are static.
 */
const char *forker_option_name(const forker_option *option); /* "idle_timeout" */
const char *forker_option_type(const forker_option *option);
const char *forker_option_default(const forker_option *option);     /* "75s" */
const char *forker_option_bounds(const forker_option *option);      /* "10ms to 24h" or "auto, or 0 to 1024" */
const char *forker_option_description(const forker_option *option); /* one sentence */
int forker_option_reloadable(const forker_option *option);          /* 1 or 0: a reload can change it */

/* ------------------------------------------------------------------------------------------------------------ hooks */

/* Functions of the program that are called when something happens to its processes and threads. Return FORKER_OK. */

/*
 * A hook is called at a point in the life of a worker process, on the main thread of the process that is named.
 * `worker` is the worker's index, from 0; during a reload there is one more than there are workers.
 *
 *   before_fork   in the spawner, before a worker is forked from it, for what the worker is to inherit.
 *   post_fork     in the worker, just after fork, before the Go runtime is started: the process has one thread. For
 *                 what must happen in the child first, such as dropping a lock or re-seeding a generator.
 *   worker_init   in the worker, when it is about to serve: open database connections here, they must not be shared by
 *                 forks.
 *   worker_ready  in the worker, when it has said that it is READY and takes its first connections next.
 *   worker_loop   in the worker, after worker_ready, instead of the built-in loop; see below.
 *   worker_drain  in the worker, between requests, when it begins to drain: it takes no new connections, and requests
 *                 that are under way have until option drain_timeout.
 *   worker_exit   in the worker, when it has drained and is about to leave. Not called if it crashes or is killed.
 *
 * A negative result of the first three is a failed boot: the worker exits, or is not forked at all, and is tried again,
 * with growing delay; other results do not matter. One of each kind, a later one replaces it. May be NULL: hook, which
 * removes it. No atexit function of the program runs in a worker. With option workers=0 all but the first two are called,
 * in the calling process.
 */
typedef int (*forker_hook)(forker_server *server, int32_t worker, void *user);
int forker_server_on_before_fork(forker_server *server, forker_hook hook, void *user);
int forker_server_on_post_fork(forker_server *server, forker_hook hook, void *user);
int forker_server_on_worker_init(forker_server *server, forker_hook hook, void *user);
int forker_server_on_worker_ready(forker_server *server, forker_hook hook, void *user);
int forker_server_on_worker_drain(forker_server *server, forker_hook hook, void *user);
int forker_server_on_worker_exit(forker_server *server, forker_hook hook, void *user);

/*
 * Has each worker live on an event loop of the program's: `loop` is called on the worker's main thread when the worker is
 * READY, and as long as it runs the worker serves by calls of forker_server_poll(), as after forker_server_open(), on this
 * thread. It should wait for forker_server_poll_fd() with whatever else it waits for. Handlers and hooks are called from
 * within these calls; signals, stops and reloads reach the worker in them.
 *
 * When forker_server_poll() returns another value than 1 the worker has drained, and `loop` is to return. If it returns
 * before, the built-in loop goes on; if it returns a negative value, that is logged and the worker drains.
 *
 * With option hang_timeout the descriptor can be read several times a second, also while there is nothing to do: a loop
 * that waits for it is not taken for hung, and one that blocks for longer than hang_timeout is found.
 *
 * With workers=0, forker_server_run() and forker_server_start() call it in the process that serves;
 * forker_server_open() does not.
 *
 * May be NULL: loop, which takes it away.
 */
int forker_server_on_worker_loop(forker_server *server, forker_hook loop, void *user);

/*
 * Hooks about the server as a whole, on the main thread of the process.
 *
 *   on_reload     in the spawner, when a reload begins: the program reads again what the workers inherit from it,
 *                 before the first of them is forked. The new option values can be read by forker_server_get(). A
 *                 negative result ends the reload: the options are put back, the workers stay as they are.
 *   on_reopen     in the spawner and in every worker, between requests, when the log files are to be opened anew: the
 *                 program does so with its own. A negative result is logged.
 *   master_tick   in the spawner, about once a second. The result does not matter.
 *
 * While a hook runs in the spawner, nobody is forked and nobody's death is noticed, so it should be short; the workers
 * serve. With option workers=0 only on_reopen is called.
 *
 * One of each kind, a later one replaces it. May be NULL: hook, which removes it.
 */
typedef int (*forker_server_hook)(forker_server *server, void *user);
int forker_server_on_reload(forker_server *server, forker_server_hook hook, void *user);
int forker_server_on_reopen(forker_server *server, forker_server_hook hook, void *user);
int forker_server_on_master_tick(forker_server *server, forker_server_hook hook, void *user);

/*
 * Has `death_fn` called in the spawner, on its main thread, whenever a worker is gone, for whatever reason: also one
 * that was asked to leave. `status` is as from waitpid(2), or -1 if somebody else reaped the process. `request` names
 * the request whose handler it died in, "GET /path from 192.0.2.1:50000", or is ""; it is valid during the call. May be
 * NULL: death_fn, which removes it.
 */
typedef void (*forker_death_fn)(forker_server *server, int32_t worker, int32_t pid, int32_t status, const char *request,
                                void *user);
int forker_server_on_worker_died(forker_server *server, forker_death_fn death_fn, void *user);

/*
 * Hooks on the threads of the handler pool: called first and last on each, as for a database connection of its own. A
 * negative result of thread_start is answered 503. The rest as above. May be NULL: hook.
 */
int forker_server_on_thread_start(forker_server *server, forker_hook hook, void *user);
int forker_server_on_thread_exit(forker_server *server, forker_hook hook, void *user);

/*
 * Replaces fork(2): `fork_fn` is called in the spawner and must return as fork() does, in both processes: 0 in the
 * child, the child's pid in the parent, negative if it failed (then errno counts). Python passes os.fork, so that its
 * at-fork hooks run. May be NULL: fork_fn, which goes back to fork(2).
 */
typedef int32_t (*forker_fork_fn)(void *user);
int forker_server_set_fork(forker_server *server, forker_fork_fn fork_fn, void *user);

/* -------------------------------------------------------------------------------------------------------------- log */

/* Log levels. The numbers never change. */
enum { FORKER_LOG_ERROR = 0, FORKER_LOG_WARN = 1, FORKER_LOG_INFO = 2, FORKER_LOG_DEBUG = 3 };

/*
 * Sends log lines to `log_fn` instead of stderr or the file of option error_log. May be NULL: log_fn, which goes back.
 * It is called in the process that has something to say (spawner, master, worker), on that process's main thread (spawner: the thread of
 * run), also between requests; for forker_server_log() on the thread that calls that. `line` is one line of `len`
 * bytes, NUL-terminated, without a newline, and starts with time, level and process: "2026-01-31T12:00:00.123Z info
 * master[71]: ...". It must not call forker_server_log(). The report of a crash goes to stderr or that file always: in
 * a process that has just crashed it is not safe to call the program. Returns FORKER_OK.
 */
typedef void (*forker_log_fn)(int level, const char *line, size_t len, void *user);
int forker_server_set_log(forker_server *server, forker_log_fn log_fn, void *user);

/*
 * Writes a line of the program's own to the same log, if option log_level lets it through. A line is cut at 4000 bytes.
 * Control characters in it become "?", and so do marks and overrides of the direction of writing (U+202E and its like)
 * and bytes that are not UTF-8: that holds for every line. Any thread, any process of the tree.
 *
 * Returns FORKER_OK or FORKER_E_INVALID (no such level).
 */
int forker_server_log(forker_server *server, int level, const char *text);

/*
 * Gives the lines of the access log to `access_fn` instead of writing them. May be NULL: access_fn, which goes back.
 * Option access_log says what a line looks like; while it is off there are none. Called in the workers on the thread that serves, between requests,
 * up to a second after the response. `line` is one line of `len` bytes, NUL-terminated, without a newline; nothing in it
 * can be taken for the end of a field or line, whatever the client sent. Returns FORKER_OK.
 */
typedef void (*forker_access_log_fn)(const char *line, size_t len, void *user);
int forker_server_set_access_log(forker_server *server, forker_access_log_fn access_fn, void *user);

/* ---------------------------------------------------------------------------------------------------------- figures */

/* What a server is doing. The numbers never change, and so for the two lists below. */
enum {
    FORKER_PHASE_STARTING = 0, /* no worker has been ready yet */
    FORKER_PHASE_SERVING = 1,
    FORKER_PHASE_RELOADING = 2, /* serving, while one generation of workers replaces another */
    FORKER_PHASE_DRAINING = 3,  /* all workers are let go, the master stays */
    FORKER_PHASE_STOPPING = 4   /* run is about to return, or has returned */
};

/* How far a worker process has come. */
enum {
    FORKER_WORKER_NONE = 0,    /* no process */
    FORKER_WORKER_FORKED = 1,  /* forked, still C only */
    FORKER_WORKER_BOOTING = 2, /* the Go runtime starts, then worker_init */
    FORKER_WORKER_READY = 3,   /* serves */
    FORKER_WORKER_DRAINING = 4 /* takes no more connections, finishes what it has */
};

/* Why worker processes are gone. */
enum {
    FORKER_EXIT_SELF = 1,    /* left by itself, as by exit(3) */
    FORKER_EXIT_CRASH = 2,   /* by a signal of its own doing, or one that somebody sent */
    FORKER_EXIT_KILLED = 3,  /* by a SIGKILL that was not the library's: out of memory, or an operator */
    FORKER_EXIT_BOOT = 4,    /* before it was ready: it failed, or took too long */
    FORKER_EXIT_STOP = 5,    /* the server stops */
    FORKER_EXIT_RELOAD = 6,  /* replaced by a newer generation */
    FORKER_EXIT_SCALE = 7,   /* fewer workers were wanted */
    FORKER_EXIT_RECYCLE = 8, /* had served its requests or its time, or grown over the soft memory limit */
    FORKER_EXIT_HANG = 9,    /* its loop or its handler did not come back */
    FORKER_EXIT_MEMORY = 10, /* had grown over the hard memory limit */
    FORKER_EXIT_REASONS = 16 /* the length of the array: room for more */
};

/* How TLS handshakes end. */
enum {
    FORKER_HANDSHAKE_TLS12_FULL = 0,         /* in a session of TLS 1.2 */
    FORKER_HANDSHAKE_TLS12_RESUMED = 1,      /* in one that goes on with an earlier one, without certificates */
    FORKER_HANDSHAKE_TLS13_FULL = 2,         /* in a session of TLS 1.3 */
    FORKER_HANDSHAKE_TLS13_RESUMED = 3,      /* likewise resumed */
    FORKER_HANDSHAKE_CLIENT_LEFT = 4,        /* failed: the client has left */
    FORKER_HANDSHAKE_TIMEOUT = 5,            /* failed: tls_handshake_timeout was over */
    FORKER_HANDSHAKE_CLIENT_CERTIFICATE = 6, /* failed: the client's certificate is missing, or not good */
    FORKER_HANDSHAKE_PROTOCOL = 7,           /* failed: nothing in common, or the client does not speak TLS */
    FORKER_HANDSHAKE_CLEAR_TEXT = 8,         /* failed: the client speaks HTTP in clear text */
    FORKER_HANDSHAKE_ENDS = 16               /* the length of the array: room for more */
};

/* The lengths of two more arrays. */
enum { FORKER_STATUS_CLASSES = 6, FORKER_LATENCY_BUCKETS = 40 };

/*
 * What a server counts. Counters go on over all generations of workers and masters, and never go backwards during a
 * run. Latency is from when the worker's loop learned of a request until it handed the response to the kernel, with what
 * it did for others in between, but without the time that the request waited in the kernel before.
 */
typedef struct forker_stats {
    uint32_t size;  /* in: sizeof(forker_stats), so that the library knows how much the program knows */
    uint32_t phase; /* FORKER_PHASE_* */
    int32_t spawner_pid;
    int32_t master_pid; /* 0: there is none just now, or workers=0 */
    uint64_t uptime_ns; /* since run was called */
    uint32_t workers;   /* how many the master keeps alive */
    uint32_t ready;     /* how many of them serve */
    uint32_t slots;     /* worker numbers 0 to slots-1 have been in use */
    uint32_t pad;
    uint64_t connections; /* open now */
    uint64_t in_flight;   /* requests that are being handled now */
    uint64_t accepted;    /* connections */
    uint64_t requests;
    uint64_t bytes_in; /* of HTTP, as bytes_out; what TLS adds is not counted */
    uint64_t bytes_out;
    uint64_t responses[FORKER_STATUS_CLASSES]; /* [2] counts those with status 200 to 299; [0] is not used */
    /* [i] counts responses that took less than 2^i ns, and not less than 2^(i-1) */
    uint64_t latency[FORKER_LATENCY_BUCKETS];
    uint64_t latency_sum_ns;
    uint64_t handshakes[FORKER_HANDSHAKE_ENDS]; /* of TLS, by FORKER_HANDSHAKE_* */
    uint64_t master_starts;
    uint64_t worker_starts;
    uint64_t worker_exits[FORKER_EXIT_REASONS]; /* by FORKER_EXIT_* */
} forker_stats;

/* The same for one worker. Counters are of all processes that had its number, everything else of the present one. */
typedef struct forker_worker_stats {
    uint32_t size;         /* in: sizeof(forker_worker_stats) */
    uint32_t state;        /* FORKER_WORKER_* */
    int32_t pid;           /* 0: no process */
    uint32_t generation;   /* how many processes had this number */
    uint64_t age_ns;       /* since its fork; 0: no process */
    uint64_t heartbeat_ns; /* since its loop last came round; 0: no process, or it never did */
    uint64_t rss_bytes;    /* resident memory, of which much is shared with the spawner; 0: /proc does not tell */
    uint64_t connections;
    uint64_t in_flight;
    uint64_t accepted;
    uint64_t requests;
    uint64_t bytes_in;
    uint64_t bytes_out;
    uint64_t responses[FORKER_STATUS_CLASSES];
    uint64_t latency[FORKER_LATENCY_BUCKETS];
    uint64_t latency_sum_ns;
    uint64_t handshakes[FORKER_HANDSHAKE_ENDS];
    uint64_t busy_ns; /* how long a handler has been running; 0: none is */
    char method[32];  /* of its request, "" if none; what is not printable is "?" */
    char target[136]; /* likewise, of which only the first 128 bytes are known */
} forker_worker_stats;

/*
 * Copies the figures of a server, or of worker number `index`. Between runs they are those of the last one. Each number
 * is right; they are not all of the same instant. Of the struct, the first `size` bytes are written; what the library
 * does not know is 0 then.
 *
 * Any thread, any process of the tree; not during forker_server_free(), nor while another run begins.
 * Returns FORKER_OK, FORKER_E_INVALID (`size` not set, index beyond the last one that was in use), FORKER_E_STATE
 * (never run).
 */
int forker_server_stats(forker_server *server, forker_stats *stats_out);
int forker_server_worker_stats(forker_server *server, size_t index, forker_worker_stats *stats_out);

/* ---------------------------------------------------------------------------------------------------------- request */

/* The method, such as "GET" (RFC 9110 section 9). */
const char *forker_request_method(forker_request *req, size_t *len_out);

/*
 * The request target as it came, such as "/a%20b?x=1" (RFC 9112 section 3.2); of HTTP/2 the field :path (RFC 9113
 * section 8.3.1).
 */
const char *forker_request_target(forker_request *req, size_t *len_out);

/*
 * The host that the client means, with its port if it names one, such as "example.org:8080": the authority of the target
 * where that has one, whatever the Host field says (RFC 9112 section 3.2.2), else the Host field. "" for a request of
 * HTTP/1.0 without either.
 */
const char *forker_request_host(forker_request *req, size_t *len_out);

/*
 * The path of the target, percent-decoded once, "." and ".." segments removed after decoding (RFC 3986 section 5.2.4):
 * it never leads above "/". "//" stays. It contains no NUL: %00 is answered 400.
 */
const char *forker_request_path(forker_request *req, size_t *len_out);

/* The query as it came, without the "?"; "" if there is none. */
const char *forker_request_query(forker_request *req, size_t *len_out);

/*
 * The value of the first query parameter of that name, "+" and percent-encoding decoded, "" if it has none; NULL if
 * there is no such parameter. A decoded value can contain NUL: then only len_out tells its end.
 */
const char *forker_request_query_param(forker_request *req, const char *name, size_t *len_out);

/*
 * Name and value of query parameter number `index`, from 0, both decoded as by forker_request_query_param(): so also
 * those that have the same name. May be NULL: name_out, value_out, len_out; the last is the length of the value. Returns
 * FORKER_OK or FORKER_E_INVALID (index beyond the last).
 */
int forker_request_query_at(forker_request *req, size_t index, const char **name_out, const char **value_out,
                            size_t *len_out);

/* The value of the first cookie of that name, in the case of its letters, without quotes around it; NULL if none. */
const char *forker_request_cookie(forker_request *req, const char *name, size_t *len_out);

/*
 * A token for the pages of a response, by which requests that they send are told from those of other sites' pages: with option
 * csrf=token a request that changes something and does not say by Sec-Fetch-Site that it is the server's own must have it, in a
 * field X-CSRF-Token, or as csrf_token in a form; else it is answered 403, which says what is missing. One with an Origin of option
 * csrf_origins is served without. Browsers have Sec-Fetch-Site since 2023 at the latest, but send it over TLS only, and to this machine.
 *
 * It goes with a cookie, of which the client has one, or gets one by this response: "__Host-csrf" over TLS, which no other host can
 * set; without TLS "csrf", which other hosts of the domain and whoever is in between can, with a value that they have got from this
 * server. It is signed with option cookie_keys, and lasts until the browser is closed. The token is masked anew by each call, so that compression does not tell it (BREACH), and each of them stays good as
 * long as the cookie. The response gets Cache-Control: no-store, because it is for one client only. To be called before it is answered.
 *
 * Returns 86 characters that can stand in HTML and in URLs; or NULL, with the reason in forker_request_error(): option cookie_keys
 * is empty, the request is answered already, or this process does not serve.
 */
const char *forker_request_csrf_token(forker_request *req);

/* Where forker_arg_int() and its like look. The numbers never change. */
enum {
    FORKER_FROM_QUERY = 0, /* forker_request_query_param() */
    FORKER_FROM_PARAM = 1, /* forker_request_param() */
    FORKER_FROM_HEADER = 2,
    FORKER_FROM_COOKIE = 3,
    FORKER_FROM_FORM = 4 /* forker_form_value(); a form that cannot be read is a failure */
};

/*
 * A value that the client has sent, as a whole number from `least` to `most`, in decimal digits with or without "-"; as a
 * decimal number; as true, 1, on, yes or false, 0, off, no; as one of several words, such as "asc|desc", of which *value_out
 * gets the number, from 0; or as a point of time from `first` to `last`, "2026-11-30T08:15:00Z" (RFC 3339: with fractions of a second,
 * and an offset as in +01:00, whose "+" may be a blank, as it becomes in a query) or "2026-11-30", its beginning in UTC: of that
 * *value_out gets the milliseconds since 1970, and what is smaller is left out. The fallback stands for one that was not sent, and is given with each failure too.
 *
 * Return FORKER_OK, FORKER_E_INVALID: what was sent is nothing of that. The sentence of forker_request_error() can be
 * shown to the client, as in `return forker_respond_error(req, 400, forker_request_error(req))`: "page: "0" is not a whole
 * number from 1 to 1000".
 */
int forker_arg_int(forker_request *req, int from, const char *name, int64_t least, int64_t most, int64_t fallback,
                   int64_t *value_out);
int forker_arg_double(forker_request *req, int from, const char *name, double least, double most, double fallback,
                      double *value_out);
int forker_arg_bool(forker_request *req, int from, const char *name, int fallback, int *value_out);
int forker_arg_choice(forker_request *req, int from, const char *name, const char *words, int fallback, int *value_out);
int forker_arg_time(forker_request *req, int from, const char *name, int64_t first, int64_t last, int64_t fallback,
                    int64_t *value_out);

/*
 * Keeps a value for the functions that see the request later, in a slot of forker_server_slot(); one that was there is
 * destroyed, if it is another one. May be NULL: value, which takes it away. get gives it, NULL if there is none. For
 * whoever has the request: its handler, or one thread at a time that has the handle.
 *
 * Returns FORKER_OK, FORKER_E_INVALID (no such slot).
 */
int forker_request_set(forker_request *req, int slot, void *value);
void *forker_request_get(forker_request *req, int slot);

/* What ":name" or "*name" of the route's pattern stood for, decoded; NULL if the pattern has no such name. */
const char *forker_request_param(forker_request *req, const char *name, size_t *len_out);

/*
 * The value of the first header field of that name, in any case, without surrounding white space; NULL if none. That of
 * a Host field is what forker_request_host() says.
 */
const char *forker_request_header(forker_request *req, const char *name, size_t *len_out);

/* How many header fields there are, in the order they came. */
size_t forker_request_header_count(forker_request *req);

/*
 * Name (as it came) and value of header field number `index`, from 0. May be NULL: name_out, value_out.
 * Returns FORKER_OK or FORKER_E_INVALID (index beyond the last).
 */
int forker_request_header_at(forker_request *req, size_t index, const char **name_out, const char **value_out);

/*
 * The trailer fields of a body that came in chunks (RFC 9110 section 6.5), as for the header. They are never mixed with
 * the header, and fields that must not stand there, such as Content-Length, Host or Authorization, are left out. At
 * most 8 KiB, else the request is answered 431. May be NULL: name_out, value_out. Return what those about the header do.
 */
const char *forker_request_trailer(forker_request *req, const char *name, size_t *len_out);
size_t forker_request_trailer_count(forker_request *req);
int forker_request_trailer_at(forker_request *req, size_t index, const char **name_out, const char **value_out);

/*
 * The whole body, decoded if it came in chunks; never NULL for a request, "" if there is none. A NUL byte that does not
 * count follows it. The bytes may be changed by the handler.
 */
const char *forker_request_body(forker_request *req, size_t *len_out);

/*
 * A descriptor of a file with exactly the body, if that is larger than option body_buffer, or found no room in option
 * body_memory: the bytes of forker_request_body() are a shared mapping of it. It is open for reading and writing and
 * stays the library's; dup(2) keeps the file beyond the request, and linkat(2) gives it a name if option spill_dir is
 * set and its file system has O_TMPFILE.
 *
 * Returns the descriptor, FORKER_E_STATE (the body is in memory only).
 */
int forker_request_body_fd(forker_request *req);

/*
 * Has `on_body` called for each piece of the body, on the worker's main thread. Called by a handler, which then returns
 * FORKER_OK, or FORKER_DEFERRED if it has made a handle too. For a route with body=stream the pieces are given as they
 * come, from the input buffer: they are never more than that holds, and a client that sends "Expect: 100-continue" is
 * told to go on now. For others the whole body is one piece. While it is on its way forker_request_body() gives "", and
 * the trailer is empty until the last call.
 *
 *   last   0: more follows. 1: this is the end of the body; the piece may be empty. FORKER_E_ABORTED: there is no
 *          piece, `data` is NULL, and none will come, because the client has left or was too slow, the body was
 *          malformed or too large, or the request was answered before. Exactly one call has another `last` than 0; none
 *          follows. So this is the place to release what `user` is.
 *
 * `data` is valid until on_body returns; it is not NUL-terminated. on_body returns FORKER_OK. With last=1 the request
 * must then be answered, or be deferred; before that a response by forker_respond() or through the handle ends the body,
 * see forker_route_set(). A negative code is a logged 500; for a request with a handle, that only ends the body,
 * because the handle answers. After FORKER_E_ABORTED the result means nothing, and a response can be given through a
 * handle only.
 *
 * The whole body may take option read_body_timeout, put off by body_min_rate, then the client gets 408.
 *
 * Returns FORKER_OK or FORKER_E_STATE (not in a handler, answered, or asked for already).
 */
typedef int (*forker_body_fn)(forker_request *req, const void *data, size_t len, int last, void *user);
int forker_request_on_body(forker_request *req, forker_body_fn on_body, void *user);

/*
 * Has no more of the body given to on_body until forker_deferred_resume() is called. Nothing is read meanwhile, so
 * that the client has to wait, and the body's time stands still. Each pause may take as long as option handler_timeout
 * says, and the response as long again from the end of the body: so no time limits a body that the program takes slowly,
 * but goes on taking. A pause ends too when the client resets the connection, or with half_close=off sends its end;
 * with half_close=on forker_deferred_cancelled() tells of that end, and on_body learns after the pause if the body is
 * not complete. Called by the handler after forker_request_on_body(), or by on_body; the request must be deferred.
 *
 * Returns FORKER_OK or FORKER_E_STATE (not called there, not deferred, or there is no more to come).
 */
int forker_request_pause(forker_request *req);

/*
 * Forms: bodies of the type multipart/form-data (RFC 7578) or application/x-www-form-urlencoded (URL Standard), as browsers send
 * them. A part with a name of a file is a file, also if that is empty, as where nothing was chosen; any other is a field. Limits are
 * the options form_parts, form_field, form_fields, form_file and form_files, which a route can have of its own; the header of a
 * part has at most 8 KiB, a boundary 70 bytes, an urlencoded form 1,000 fields.
 *
 * forker_request_form() parses the body, which is there as a whole, the first time that it or one of the functions below is called
 * for a request. Files are not copied: they stay in the body, which if it is large is in a file (options body_buffer, spill_dir).
 *
 * Returns FORKER_OK; FORKER_E_INVALID: the body is no form, or a malformed one, and 400 is the right answer; FORKER_E_LIMIT: a limit is
 * exceeded, 413; FORKER_E_STATE: the body is not there, because the route has body=stream, or its handler has not been called
 * yet. The sentence of forker_request_error() can be shown to the client, as in `return forker_respond_error(req, code ==
 * FORKER_E_LIMIT ? 413 : 400, forker_request_error(req))`.
 */
int forker_request_form(forker_request *req);

/*
 * The value of field number `index`, from 0, of those that have this name; NULL if there is none, or the form cannot be read. A value
 * can contain NUL: then only len_out tells its end.
 */
const char *forker_form_value(forker_request *req, const char *name, size_t index, size_t *len_out);

/*
 * Name and value of field number `index`, from 0, of all fields in the order they came. May be NULL: name_out, value_out, len_out; the
 * last is the length of the value. Returns FORKER_OK, FORKER_E_INVALID (index beyond the last), or what forker_request_form() does.
 */
int forker_form_at(forker_request *req, size_t index, const char **name_out, const char **value_out, size_t *len_out);

/* A file of a form. All of it belongs to the request. */
typedef struct forker_file {
    uint32_t size;            /* in: sizeof(forker_file) */
    int32_t fd;               /* forker_request_body_fd(), where it is `len` bytes from `offset`; -1: in memory only */
    const char *name;         /* of the field */
    const char *filename;     /* as it came, see forker_basename() */
    const char *content_type; /* as it came; NULL: none was given, which means text/plain */
    const void *data;         /* not NUL-terminated */
    uint64_t len;
    int64_t offset; /* in the body */
} forker_file;

/*
 * File number `index`, from 0, of those of the field `name`. May be NULL: name, for all files. `size` of *file_out is to be set.
 * Returns FORKER_OK, FORKER_E_INVALID (there is none; size is not set), or what forker_request_form() does.
 */
int forker_form_file(forker_request *req, const char *name, size_t index, forker_file *file_out);

/*
 * What stands behind the last "/" or "\" of a name of a file, as clients send it; "" for "." and "..", NULL for NULL. It is what the
 * client likes all the same: a program that takes it for a file of its own may overwrite one. Any thread, any process. It is a part of the text.
 */
const char *forker_basename(const char *filename);

/* A part of a form that comes in, field or file. It and its texts stay until the call with last=1. */
typedef struct forker_part {
    uint32_t size; /* sizeof(forker_part), so that the program knows how much the library knows */
    uint32_t pad;
    const char *name;
    const char *filename;     /* as it came, see forker_basename(); NULL: it is a field */
    const char *content_type; /* as it came; NULL: none was given */
    uint64_t offset;          /* where in the part this piece begins */
} forker_part;

/*
 * Has `on_part` called for each piece of each part of a form that is multipart/form-data, as it comes: forker_request_on_body() with
 * the parts taken apart, which says what holds here too. For a route with body=stream nothing is collected, however large a file is.
 *
 *   last   0: more of the part follows. 1: this is its end; the piece is empty. With `part` NULL there is no piece, it is the last call,
 *          and the place to release what `user` is: 1: the form is complete, and is to be answered now. FORKER_E_ABORTED: as for
 *          on_body. FORKER_E_INVALID: it is malformed, or FORKER_E_LIMIT: larger than its limits, as forker_request_error() says; no
 *          more of it is read. If on_part does not answer, the library does, by 400 and 413; a handle is to be used.
 *
 * forker_request_pause() holds up the next call, also where more of the form has come already.
 *
 * Returns FORKER_OK, FORKER_E_STATE (as forker_request_on_body() does), FORKER_E_INVALID: the request's body is of another type, or has
 * no boundary; 400 is the right answer, with the sentence of forker_request_error().
 */
typedef int (*forker_part_fn)(forker_request *req, const forker_part *part, const void *data, size_t len, int last,
                              void *user);
int forker_request_on_part(forker_request *req, forker_part_fn on_part, void *user);

/* The other end of the connection: "192.0.2.1:50000", "[2001:db8::1]:50000" or "unix:". It may be a proxy. */
const char *forker_request_peer(forker_request *req, size_t *len_out);

/*
 * This end of the connection, in the same form, as of accept(2): behind a proxy it is the address that the proxy connects
 * to. NULL if the client has left.
 */
const char *forker_request_local(forker_request *req, size_t *len_out);

/*
 * The address of the client, without a port: "192.0.2.1", "2001:db8::1" or "unix:". It is that of the connection, or what
 * a proxy says that is one of option trusted_proxies: by the PROXY protocol (proxy= of forker_server_listen()), or by
 * the fields that option forwarded names. Scheme, host and access log follow the same proxies.
 */
const char *forker_request_client(forker_request *req, size_t *len_out);

/* "https" if the client speaks TLS, to this server or as a trusted proxy says, else "http". */
const char *forker_request_scheme(forker_request *req, size_t *len_out);

/*
 * The id of the request, which its response has as X-Request-Id and its line in the access log shows: with option
 * request_id. NULL without that.
 */
const char *forker_request_id(forker_request *req, size_t *len_out);

/*
 * The name of the user who has shown the right password, with option basic_auth or forker_group_basic_auth(), which the access
 * log shows too. NULL where nobody has to.
 */
const char *forker_request_user(forker_request *req, size_t *len_out);

/* What forker_request_tls() can tell. The numbers never change. */
enum {
    FORKER_TLS_VERSION = 0,        /* "TLS 1.2" or "TLS 1.3" */
    FORKER_TLS_CIPHER = 1,         /* the name that IANA has for the suite, such as "TLS_AES_128_GCM_SHA256" */
    FORKER_TLS_SERVER_NAME = 2,    /* the name that the client has asked for (SNI) */
    FORKER_TLS_ALPN = 3,           /* the protocol that was agreed on, such as "http/1.1" */
    FORKER_TLS_RESUMED = 4,        /* "1" if the session goes on from an earlier connection, else "0" */
    FORKER_TLS_CLIENT_SUBJECT = 5, /* of the client's certificate, as in RFC 4514: "CN=joe,O=Example" */
    FORKER_TLS_CLIENT_ISSUER = 6,
    FORKER_TLS_CLIENT_SERIAL = 7,    /* in hexadecimal */
    FORKER_TLS_CLIENT_SHA256 = 8,    /* of the whole certificate, in 64 hexadecimal digits */
    FORKER_TLS_CLIENT_NAMES = 9,     /* its alternative names, one a line: "DNS:a.example", "email:", "IP:", "URI:" */
    FORKER_TLS_CLIENT_DER = 10,      /* the certificate itself; bytes */
    FORKER_TLS_CLIENT_CHAIN_PEM = 11 /* with what the client sent along */
};

/*
 * What is known of the TLS of the connection. NULL if it has none, if there is no such thing, as of a client without a
 * certificate, or if `what` is out of range. The certificate is verified (client_cert= of forker_server_listen()). As
 * long as the request.
 */
const char *forker_request_tls(forker_request *req, int what, size_t *len_out);

/* Returns the version of HTTP: 10 for HTTP/1.0, 11 for HTTP/1.1, 20 for HTTP/2 (options http2 and h2c); 0 for NULL. */
int forker_request_version(forker_request *req);

/*
 * Whether the client has left, so that a long handler can give up: 1 or 0. A client that has only sent its end
 * (shutdown(2)) counts as having left, though it may still read a response, and so does one that was answered 504 for
 * option handler_timeout. On the handler's thread, or if the request is deferred on any. FORKER_E_INVALID for NULL.
 */
int forker_request_cancelled(forker_request *req);

/*
 * Takes the connection over, as for another protocol (RFC 9110 section 7.8): *fd_out is the program's to use and close,
 * non-blocking. The library has nothing to do with it any more; the handler returns FORKER_OK. *data_out and *len_out
 * get what has come behind the request already, valid until the handler returns. May be NULL: data_out, len_out.
 *
 * Only a handler on the worker's main thread can do so (dispatch=inline), on that thread.
 *
 * Returns FORKER_OK, FORKER_E_STATE (called by a handler on the pool, by on_body or on another thread; a response has
 * begun, or the request is deferred; or the connection speaks TLS or HTTP/2), FORKER_E_AGAIN (the client has not taken
 * the responses to earlier requests yet), FORKER_E_ABORTED (the client has left), FORKER_E_SYSTEM, FORKER_E_PROCESS (in a
 * process forked by a handler).
 */
int forker_request_hijack(forker_request *req, int *fd_out, const char **data_out, size_t *len_out);

/*
 * The sentence of the last call about this request that has failed, such as "header_set Content-Length: belongs to the
 * library"; "" if none has. The line of the log has it, too, if the request is answered 500 for its handler. Valid until
 * the next call about the request fails; forker_deferred_error() has those of calls that take a handle.
 */
const char *forker_request_error(forker_request *req);

/* The server that has received the request; NULL for NULL. */
forker_server *forker_request_server(forker_request *req);

/* The index of the worker process that runs the handler, from 0; -1 for NULL. */
int32_t forker_request_worker(forker_request *req);

/*
 * Whether the worker is being drained, because it is replaced or the server stops: 1 or 0, 0 also for NULL. A handler
 * that takes long can then come to an early end: it has until option drain_timeout at most. Of the connection it says
 * nothing: where that ends by its age or number of requests, what has begun on it has no less time.
 */
int forker_request_draining(forker_request *req);

/*
 * Writes what there is to know of a request into one buffer: for bindings, in whose languages a call of C is dear. That are
 * texts, each with a NUL behind it, in this order: method, target, path, query, version ("1.0", "1.1" or "2"), scheme,
 * peer, client, as the functions above give them; then name and value of each header field, in the order they came.
 *
 * Returns how many bytes that is; if it is more than `size`, what is in the buffer means nothing. Or FORKER_E_INVALID,
 * FORKER_E_MEMORY.
 */
int64_t forker_request_pack(forker_request *req, void *buffer, size_t size);

/* --------------------------------------------------------------------------------------------------------- response */

/*
 * Answers in one call. `status` is 200 to 599. May be NULL: content_type, which leaves the field out. All is copied.
 * Fields set before by forker_response_header_set() are sent too. The library adds Date, Server,
 * Content-Length and Connection, and leaves the body out where HTTP says so (HEAD, 204, 304).
 *
 * A handler can end with `return forker_respond(...)`: a negative result becomes a logged 500.
 *
 * Returns FORKER_OK, FORKER_E_INVALID (status out of range, control characters in content_type, a length that no
 * object has), FORKER_E_STATE (answered or written to already, or another length was set), FORKER_E_LIMIT (more than
 * 64 KiB of header).
 */
int forker_respond(forker_request *req, int status, const char *content_type, const void *body, size_t len);

/*
 * Answers in one call with fields, too, for bindings: `fields` are name and value of each, both with a NUL behind them,
 * `fields_len` bytes in all. They are added as by forker_response_header_add(), behind those that were set before, and
 * then the response is that of forker_respond(). If anything fails, nothing of it is set.
 *
 * Returns as these two do; FORKER_E_INVALID also if the fields do not end behind a value.
 */
int forker_respond_packed(forker_request *req, int status, const char *fields, size_t fields_len, const void *body,
                          size_t len);

/*
 * Answers with a short text: "404 Not Found" and `detail`. May be NULL: detail. `status` is 400 to 599. Fields that were
 * set are sent too, such as WWW-Authenticate with 401, but for those that describe content: Content-Type,
 * Content-Encoding, Content-Language, Content-Location, Content-Range, ETag and Last-Modified. A body that was written
 * is dropped. Option errors has it be HTML or problem+json, in which the detail is text too.
 *
 * Returns what forker_respond() does, FORKER_E_STATE only if answered.
 */
int forker_respond_error(forker_request *req, int status, const char *detail);

/*
 * The parts of a response, for a handler that builds it piece by piece and then returns FORKER_OK. Without a status it
 * is 200. A response with neither status, field nor body is a logged 500; a handler that returns a negative code sends a
 * 500 instead of what it had built.
 *
 * header_set replaces fields of that name, header_add adds another one. Names are tokens, values have no control
 * characters but tab (RFC 9110 section 5): anything else is refused, so that no text can split a response.
 * Content-Length, Transfer-Encoding, Upgrade and Keep-Alive belong to the library; "Connection" may only be "close",
 * and ends the connection behind this response. A Date or Server that the program sets takes the place of the
 * library's. "Trailer" lists the names of fields that forker_stream_trailer() will add (RFC 9110 section 6.6.2); it is
 * left out where no trailer section follows.
 *
 * write appends to the body; it can be called any number of times, and is sent when the handler returns.
 *
 * Return FORKER_OK, FORKER_E_INVALID (out of range, not a token, a length that no object has ...), FORKER_E_STATE
 * (answered by forker_respond() already), FORKER_E_LIMIT (more than 64 KiB of header, or of a body than INT64_MAX).
 */
int forker_response_status(forker_request *req, int status);
int forker_response_header_set(forker_request *req, const char *name, const char *value);
int forker_response_header_add(forker_request *req, const char *name, const char *value);
int forker_response_write(forker_request *req, const void *data, size_t len);

/*
 * Says how long the body is, for responses that have none: with HEAD and with status 304 the client is told this length,
 * and nothing needs to be written. It must be that of the body that a GET would be answered with. Where a body is sent,
 * or one is written for HEAD all the same, it must have this length.
 *
 * Returns FORKER_OK, FORKER_E_INVALID (negative), FORKER_E_LIMIT (more than that is written already), FORKER_E_STATE
 * (answered). What contradicts it later fails: FORKER_E_LIMIT from a call that writes more, FORKER_E_STATE from one that
 * answers with another length, FORKER_E_INVALID from forker_stream_begin() with another one; a handler that returns with
 * less is a logged 500.
 */
int forker_response_length(forker_request *req, int64_t length);

/*
 * Drops what was set and written of a response, to begin anew, as when a field has been refused; what functions before
 * the handler have set, too. Returns FORKER_OK, FORKER_E_STATE (answered, a stream has begun, or bytes were lent or a
 * file was appended).
 */
int forker_response_reset(forker_request *req);

/*
 * Appends `len` bytes to the body without copying them: they must not change until `release` is called with `user`,
 * once, on the worker's main thread, when they are sent or not needed any more; or, if the server has stopped before in
 * the program's own process, by whoever uses up the handle or frees the server. May be NULL: release, for data that
 * lives as long as the process.
 *
 * Returns FORKER_OK; or, and then `release` is not called, FORKER_E_INVALID (a length that no object has),
 * FORKER_E_STATE (answered), FORKER_E_LIMIT (the body would have more than INT64_MAX bytes).
 */
int forker_response_lend(forker_request *req, const void *data, size_t len, forker_release_fn release, void *user);

/*
 * Appends `len` bytes of a regular file, from `offset` on, to the body; -1 is up to its end. They go from the file to
 * the client by sendfile(2). `fd` is duplicated and stays the program's; the file must not become shorter meanwhile,
 * else the connection is closed.
 *
 * Returns FORKER_OK, FORKER_E_INVALID (no regular file, no such range), FORKER_E_STATE (answered), FORKER_E_LIMIT (the
 * body would have more than INT64_MAX bytes), FORKER_E_SYSTEM.
 */
int forker_response_file(forker_request *req, int fd, int64_t offset, int64_t len);

/*
 * Answers with a file. One that does not exist or is not regular is answered 404, one that may not be read 403: both
 * give FORKER_OK. May be NULL: content_type. `path` is used as it is: a handler that makes it of the request's path sees to it that it stays where
 * it should. A forker_request_path() has no ".." segments, but symbolic links are followed.
 *
 * With status 200 to GET or HEAD the client gets what it wants of the file, as of those of forker_server_static(): 304 or
 * 412 as its conditions say (RFC 9110 section 13), 206 or 416 for ranges of it, up to 16 that do not overlap (section 14).
 * The response says ETag, Last-Modified and Accept-Ranges. A program that sets them, before or after, goes before the
 * file: conditions are judged by its ETag and Last-Modified, and "Accept-Ranges: none" has the file sent as a whole.
 * The ETag of a file is made of the time of its last change, its size and its inode, so that other files have others; where
 * several hosts serve the same files, it should be the program's.
 *
 * Returns FORKER_OK, FORKER_E_INVALID (status, content_type), FORKER_E_STATE (answered or written to already),
 * FORKER_E_LIMIT, FORKER_E_SYSTEM (it cannot be opened for another reason).
 */
int forker_respond_file(forker_request *req, int status, const char *content_type, const char *path);

/*
 * Answers with a redirect: 301 or 308 for ever, 302, 303 or 307 for now; after 303 the client asks by GET, after 307 and 308
 * by the same method. `location` begins with "/", "?", "http://" or "https://". One that begins with "/" stays on this host,
 * whatever of it comes from a client: of several slashes and backslashes at its beginning one is left, and what may not stand
 * in a URI, control characters among it, is percent-encoded; "%" itself stays.
 *
 * Returns FORKER_OK, FORKER_E_INVALID (another status or beginning, more than 8192 bytes), FORKER_E_STATE (answered or
 * written to already), FORKER_E_LIMIT.
 */
int forker_respond_redirect(forker_request *req, int status, const char *location);

/*
 * Says that the response is a file to be saved under a name, or if `in_page` is not 0 one to be shown, which has this name
 * if it is saved (Content-Disposition, RFC 6266). The name is UTF-8, without a path: what could be one becomes "_". May be
 * NULL: filename.
 *
 * Returns FORKER_OK, FORKER_E_INVALID (not UTF-8, more than 1024 bytes), FORKER_E_STATE (answered), FORKER_E_LIMIT.
 */
int forker_response_attachment(forker_request *req, const char *filename, int in_page);

/* What forker_cookie.flags and .same_site can be. The numbers never change. */
enum {
    FORKER_COOKIE_SECURE = 1,     /* for HTTPS only */
    FORKER_COOKIE_SCRIPTS = 2,    /* scripts of the page may read it: without HttpOnly */
    FORKER_COOKIE_PARTITIONED = 4 /* one for each site that the page is in */
};
enum {
    FORKER_SAME_SITE_LAX = 0,    /* not sent along with requests of other sites, but if the user follows a link */
    FORKER_SAME_SITE_STRICT = 1, /* nor then */
    FORKER_SAME_SITE_NONE = 2
};

/* A cookie for the client. Zero is right for what is not wanted, but for size and max_age. */
typedef struct forker_cookie {
    uint32_t size;      /* in: sizeof(forker_cookie) */
    uint32_t flags;     /* FORKER_COOKIE_* */
    int32_t same_site;  /* FORKER_SAME_SITE_* */
    uint32_t pad;       /* 0 */
    int64_t max_age;    /* seconds; 0: the client forgets it now; negative: when it is closed */
    const char *name;   /* a token */
    const char *value;  /* visible ASCII without quotes, commas, semicolons and backslashes */
    const char *domain; /* ASCII without semicolons, at most 1024 bytes; NULL: this host only */
    const char *path;   /* likewise, and begins with "/"; NULL: where the request was */
} forker_cookie;

/*
 * Adds a Set-Cookie field (RFC 6265bis). Refused is what browsers would not keep: SameSite=None, Partitioned and names with
 * __Secure- need FORKER_COOKIE_SECURE, names with __Host- also the path "/" and no domain, and there are at most 4096 bytes
 * of name and value.
 *
 * Returns FORKER_OK, FORKER_E_INVALID, FORKER_E_STATE (answered), FORKER_E_LIMIT.
 */
int forker_response_cookie(forker_request *req, const forker_cookie *cookie);

/*
 * Has `on_head` called when the head of the response is about to be sent, whatever it comes from: a handler, a stream,
 * an error of the library. It is told the status, and can set fields, cookies among them; nothing else of the response
 * can be changed any more. Those that were registered last are called first, so that functions around a handler have
 * the last word. It is called once, on the worker's main thread, or for forker_stream_begin() and forker_sse_begin() on
 * the thread that calls that; not if there is no such response, because the client has left, the connection was taken
 * over, or a 504 for option handler_timeout is sent in its place.
 *
 * Returns FORKER_OK, FORKER_E_STATE (answered; a call of gRPC), FORKER_E_LIMIT (more than 16).
 */
typedef void (*forker_head_fn)(forker_request *req, int status, void *user);
int forker_request_on_head(forker_request *req, forker_head_fn on_head, void *user);

/*
 * Sends an interim response of one field, such as 103 with "Link" (RFC 8297), behind the responses to earlier requests.
 * `status` is 102 to 199. On the worker's main thread it is sent at once, as far as the client takes it, on other threads
 * as soon as the worker comes round; it never waits. To a client of HTTP/1.0 nothing is sent, and one that does not read
 * is spared those that it would not see in time. On the handler's thread; if the request is deferred, whoever has the
 * handle may call it, on any thread.
 *
 * Returns FORKER_OK, FORKER_E_INVALID (status, not a field), FORKER_E_STATE (answered, or on another thread),
 * FORKER_E_ABORTED (the client has left or sent its end, or was answered 504 for option handler_timeout), FORKER_E_AGAIN
 * (nothing was sent, because what was before still waits), FORKER_E_LIMIT, FORKER_E_PROCESS (in a process forked by a
 * handler).
 */
int forker_respond_interim(forker_request *req, int status, const char *name, const char *value);

/* ----------------------------------------------------------------------------------------------- deferred, streamed */

/*
 * Makes a handle through which the request is answered after its handler has returned FORKER_DEFERRED. All functions on
 * handles may be called from any thread of the process, none waits, and none enters the Go runtime. From now on the
 * request belongs to who has the handle; it and all text of it stay valid until the handle is used up, also if the
 * client leaves, and where the server runs in the program's own process also if it stops, up to forker_server_free().
 *
 * A handle is used up by exactly one of forker_deferred_respond(), forker_deferred_send(), forker_deferred_drop(),
 * forker_deferred_next(), forker_stream_end() and forker_grpc_finish(). That is the program's duty also when the client
 * has left: until then the memory of the request stays taken. A handle that is used up, or never was one, gives
 * FORKER_E_ABORTED. In a process that was forked off one which serves itself or off a worker, all of them, this one
 * included, give FORKER_E_PROCESS: the request is the other's.
 *
 * Returns FORKER_OK, FORKER_E_STATE (answered or deferred already), FORKER_E_PROCESS.
 */
int forker_request_defer(forker_request *req, forker_deferred *handle_out);

/*
 * The request of a handle, to be read and answered piece by piece, by one thread at a time. NULL if the handle is used
 * up.
 */
forker_request *forker_deferred_request(forker_deferred handle);

/*
 * Answers like forker_respond(), and uses the handle up if the result is FORKER_OK or FORKER_E_ABORTED. May be NULL:
 * content_type.
 *
 * Returns what forker_respond() does, FORKER_E_ABORTED (the client has left, or the handle was used up), FORKER_E_STATE
 * also if a stream has begun.
 */
int forker_deferred_respond(forker_deferred handle, int status, const char *content_type, const void *body, size_t len);

/*
 * Answers with what was set and written on forker_deferred_request(), and uses the handle up if the result is FORKER_OK
 * or FORKER_E_ABORTED.
 *
 * Returns FORKER_OK, FORKER_E_ABORTED, FORKER_E_STATE (there is no response, its body has not the length that was set, or a
 * stream has begun).
 */
int forker_deferred_send(forker_deferred handle);

/*
 * Uses the handle up without a response: the client gets 500, which is logged. In the middle of a stream its connection is
 * closed; what was written before goes out, as far as the client takes it at once. Where the end of the connection is
 * that of the body (length -1, HTTP/1.0), it is reset, so that the response does not look whole.
 * Returns FORKER_OK or FORKER_E_ABORTED.
 */
int forker_deferred_drop(forker_deferred handle);

/*
 * Copies the sentence of the last call with this handle that has failed, by whichever thread, see
 * forker_request_error(): at most `size` bytes with the NUL behind it. "" if none has failed; FORKER_E_AGAIN is no
 * failure.
 *
 * Returns FORKER_OK, FORKER_E_INVALID (size is 0), FORKER_E_ABORTED (the handle is used up; the text is "").
 */
int forker_deferred_error(forker_deferred handle, char *text_out, size_t size);

/*
 * Goes on with a request that a before function of forker_group_use() has deferred, on the worker's main thread: with the
 * next such function, or the handler. The handle is used up, and its on_close is not called; another one can be made.
 *
 * Returns FORKER_OK, FORKER_E_ABORTED (the client has left, or the handle was used up), FORKER_E_STATE (the request was
 * deferred by its handler, is answered, or its body is asked for: then the handle is not used up).
 */
int forker_deferred_next(forker_deferred handle);

/* Whether the client has left, see forker_request_cancelled(): 1 or 0. 1 also if the handle is used up. */
int forker_deferred_cancelled(forker_deferred handle);

/*
 * Ends what forker_request_pause() has begun. A no-op if the request is not paused. Returns FORKER_OK or
 * FORKER_E_ABORTED.
 */
int forker_deferred_resume(forker_deferred handle);

/*
 * For a program with a loop of its own, forker_server_on_worker_loop() or forker_server_open(), which goes on with a
 * deferred request now and then, as coroutines do. From enter to leave it works for this request: should it crash or
 * hang meanwhile, the log names the request, as if it were in its handler. On the thread that calls the handlers: outside
 * of them and of each other; leave also when the handle was used up meanwhile. Neither is a system call.
 *
 * Return FORKER_OK, FORKER_E_STATE (enter: on another thread, within a handler, or entered already; leave: nothing is
 * entered), enter also FORKER_E_ABORTED.
 */
int forker_deferred_enter(forker_deferred handle);
int forker_deferred_leave(void);

/* Why a deferred request has ended. The numbers never change. */
enum {
    FORKER_CLOSE_DONE = 0,     /* the response is sent */
    FORKER_CLOSE_CLIENT = 1,   /* the client has left */
    FORKER_CLOSE_TIMEOUT = 2,  /* option handler_timeout, write_timeout or read_body_timeout */
    FORKER_CLOSE_SHUTDOWN = 3, /* the worker stops */
    FORKER_CLOSE_ERROR = 4     /* the handle was dropped, the response could not be sent, or the body was refused */
};

/*
 * Has `on_close` called once when the request has ended, on the worker's main thread; one that was registered before is
 * replaced. The handle is not used up by that: if the program had not answered, it still has to. May be NULL: on_close,
 * which removes it. Returns FORKER_OK or FORKER_E_ABORTED (it has ended already).
 */
typedef void (*forker_close_fn)(forker_deferred handle, int reason, void *user);
int forker_deferred_on_close(forker_deferred handle, forker_close_fn on_close, void *user);

/*
 * Begins a response whose body is written piece by piece, with the status and fields that were set on
 * forker_deferred_request(); the head is sent at once, or if a handler on a pool begins it, when that returns. `length`
 * is that of the body, -1 if it is not known: then it goes out in chunks, or to a client of HTTP/1.0 up to the end of the
 * connection. A stream of unknown length that the program has not ended yet is over at once when the client sends its
 * end, also with option half_close=on: on_close is called with FORKER_CLOSE_CLIENT. Any other response is still delivered
 * to such a client then.
 *
 * Returns FORKER_OK, FORKER_E_ABORTED, FORKER_E_INVALID (a length below -1, or another one than was set),
 * FORKER_E_STATE (begun or answered already, or a body was written). After FORKER_E_ABORTED the handle still has to be
 * used up, if it was not.
 */
int forker_stream_begin(forker_deferred handle, int64_t length);

/*
 * Writes to a stream. The bytes are copied and sent as the client takes them; at most option stream_buffer of them
 * wait.
 *
 * Returns FORKER_OK; FORKER_E_AGAIN: there is no room now, nothing was written, on_drain will be called when half of
 * the room is free; FORKER_E_LIMIT: more than stream_buffer in one call, or more than the length that was promised;
 * FORKER_E_ABORTED, FORKER_E_STATE (not begun, or messages of gRPC are sent), FORKER_E_INVALID.
 */
int forker_stream_write(forker_deferred handle, const void *data, size_t len);

/*
 * The same, but where there is no room it waits until there is, for at most `timeout_ms`, or as long as it takes if that is
 * negative: for threads of the program's own. It ends too when the client leaves, and when another thread uses the handle
 * up.
 *
 * Returns as forker_stream_write() does; FORKER_E_AGAIN: there was no room in that time. FORKER_E_STATE also on the
 * thread that serves, which makes the room, and in the request's own handler on a pool, before whose return nothing is sent.
 */
int forker_stream_write_wait(forker_deferred handle, const void *data, size_t len, int32_t timeout_ms);

/*
 * Adds a field to the trailer section (RFC 9110 section 6.5), which is sent if the stream goes out in chunks. Fields
 * that a trailer section must not have are refused.
 * Returns FORKER_OK, FORKER_E_ABORTED, FORKER_E_STATE (not begun), FORKER_E_INVALID, FORKER_E_LIMIT.
 */
int forker_stream_trailer(forker_deferred handle, const char *name, const char *value);

/*
 * Ends a stream and uses the handle up; what is written goes out. Fewer bytes than promised: the connection is closed.
 * Returns FORKER_OK, FORKER_E_ABORTED, FORKER_E_STATE (not begun).
 */
int forker_stream_end(forker_deferred handle);

/*
 * Has `on_drain` called, on the worker's main thread, when half of option stream_buffer is free again after
 * FORKER_E_AGAIN, each time; one that was registered before is replaced. May be NULL: on_drain, which removes it.
 * Returns FORKER_OK or FORKER_E_ABORTED.
 */
typedef void (*forker_drain_fn)(forker_deferred handle, void *user);
int forker_stream_on_drain(forker_deferred handle, forker_drain_fn on_drain, void *user);

/*
 * Server-sent events (HTML Living Standard, section 9.2): begin is forker_stream_begin() with the right fields. send
 * writes one event: `event` and `id` are single lines, each line of `data` becomes a field of its own, and a line break at
 * its end none. May be NULL: event, id.
 *
 * Return what forker_stream_begin() and forker_stream_write() do; FORKER_E_INVALID for NULL data or a line break in event
 * or id.
 */
int forker_sse_begin(forker_deferred handle);
int forker_sse_send(forker_deferred handle, const char *event, const char *id, const char *data);

/* ------------------------------------------------------------------------------------------------------------- gRPC */

/* How many messages each side of a method sends. The numbers never change. */
enum {
    FORKER_GRPC_UNARY = 0,         /* one, and one in reply */
    FORKER_GRPC_SERVER_STREAM = 1, /* one, and any number in reply */
    FORKER_GRPC_CLIENT_STREAM = 2, /* any number, and one in reply */
    FORKER_GRPC_BIDI = 3           /* any number each */
};

/*
 * Answers calls of a gRPC method, "/helloworld.Greeter/SayHello", by calling `handler`. A method is a route for POST on
 * that path, and its handler one like all others: it may run on the pool, defer, or say FORKER_NEXT. It gets messages and
 * gives messages, as bytes, which any protobuf library packs and unpacks. gRPC needs HTTP/2: option h2c, or http2 and an
 * address with tls=on. Methods that take one message are also there for gRPC-Web, as browsers call them, by HTTP/1.1 too
 * (Content-Type application/grpc-web or application/grpc-web-text): their handlers see no difference.
 *
 * The handler returns FORKER_OK when it has replied or failed. FORKER_NEXT, if no other route wants the call, is status
 * UNIMPLEMENTED (12) for the client; FORKER_E_MEMORY and FORKER_E_LIMIT are RESOURCE_EXHAUSTED (8), after the deadline any
 * code is DEADLINE_EXCEEDED (4), other negative ones INTERNAL (13); the log tells of them. A call of a method that does not
 * exist is answered UNIMPLEMENTED; a request to one that is no call (its Content-Type is another, or application/grpc by
 * HTTP/1) 415; a call by gRPC-Web of one that takes several messages UNIMPLEMENTED.
 *
 * The client's deadline is that of the request: when it has passed, the client gets DEADLINE_EXCEEDED, and a handle is told
 * with FORKER_CLOSE_TIMEOUT.
 *
 * Returns FORKER_OK, FORKER_E_ROUTE (malformed, or taken), FORKER_E_INVALID (no such kind), FORKER_E_LIMIT.
 */
int forker_server_grpc(forker_server *server, const char *method, int kind, forker_handler handler, void *user);

/*
 * The same, and puts the route that the method is into *route_out, for forker_route_set(): dispatch, the options of
 * messages, grpc_max_message, grpc_max_reply and grpc_compress, and those about gates. body and max_body are
 * FORKER_E_OPTION for it: what a method takes is messages, which option grpc_max_message bounds; where a group sets them,
 * methods in it do without. NULL if it failed.
 *
 * Returns what forker_server_grpc() and forker_server_route() do.
 */
int forker_server_grpc_route(forker_server *server, const char *method, int kind, forker_handler handler, void *user,
                             forker_route **route_out);

/*
 * The same in a group, whose functions and options the method then has; the prefix of the group and `method` together are
 * "/package.Service/Method". A method that was registered by the functions above belongs to the innermost group whose
 * prefix it is below of, in whatever order all of that is registered: a guard holds for methods that others register too,
 * those of the health service as well. If of two such groups neither is inside of the other, or one is for a host, run
 * returns FORKER_E_ROUTE.
 *
 * Returns what forker_server_grpc() does.
 */
int forker_group_grpc(forker_group *group, const char *method, int kind, forker_handler handler, void *user);

/*
 * The message of a call that has one (FORKER_GRPC_UNARY, FORKER_GRPC_SERVER_STREAM), as bytes; NULL if there is none. It
 * may be empty. As long as the request.
 */
const void *forker_grpc_message(forker_request *req, size_t *len_out);

/*
 * Replies with one message, which is copied, and status OK. On a request with a handle, forker_deferred_send() follows.
 *
 * Returns FORKER_OK, FORKER_E_INVALID (a length that no object has), FORKER_E_LIMIT (4 GiB or more, or more than option
 * grpc_max_reply), FORKER_E_STATE (not a call, or replied to already), FORKER_E_ABORTED (the deadline has passed).
 */
int forker_grpc_reply(forker_request *req, const void *message, size_t len);

/*
 * The same for a message that is packed where it will be sent from: reserve gives room for `len` bytes, or NULL with the
 * reason in forker_request_error(), and commit replies with the first `len` bytes that were put there. No other call about
 * the response may come between.
 *
 * Returns what forker_grpc_reply() does, FORKER_E_STATE (nothing is reserved), FORKER_E_INVALID (more than is).
 */
void *forker_grpc_reserve(forker_request *req, size_t len);
int forker_grpc_commit(forker_request *req, size_t len);

/*
 * Ends the call with a status instead of a message: `code` is 1 (CANCELLED) to 16 (UNAUTHENTICATED), `text` says why in
 * UTF-8; of it 1 KiB is sent. May be NULL: text.
 *
 * Returns FORKER_OK, FORKER_E_INVALID (code), FORKER_E_STATE, FORKER_E_ABORTED (the deadline has passed).
 */
int forker_grpc_fail(forker_request *req, int code, const char *text);

/*
 * Sends details along with a status: a packed message of type google.rpc.Status, which should have the same code and
 * text. Before the call ends. Returns FORKER_OK, FORKER_E_LIMIT, FORKER_E_STATE, FORKER_E_ABORTED.
 */
int forker_grpc_details(forker_request *req, const void *status, size_t len);

/*
 * The value of the first metadata entry of that name that the client has sent; NULL if there is none. Names are those of
 * header fields, and forker_request_header_at() has all of them; of a name that ends with "-bin" the value is bytes, which
 * are decoded here: NULL if they cannot be, with the reason in forker_request_error().
 */
const void *forker_grpc_metadata(forker_request *req, const char *name, size_t *len_out);

/*
 * Says whether the messages that are sent from now on, the reply or those of a stream, are compressed: 1: they are, whatever
 * their size, 0: they are not, -1: as option grpc_compress says, as without this call. Also then a message is sent as it is
 * where the client does not take gzip, where it would not be shorter, and where it has more than 1 MiB. The first 1 comes
 * before the response begins, unless that option is set, because its head names the encoding; from then on each message may
 * have its own. On a request with a handle, whoever may reply may say that.
 *
 * Returns FORKER_OK, FORKER_E_INVALID (another number), FORKER_E_STATE (not a call, replied to already, or the response has
 * begun without an encoding), FORKER_E_ABORTED (the deadline has passed).
 */
int forker_grpc_compress(forker_request *req, int on);

/*
 * Whether the message came compressed: that of forker_grpc_message(), or in on_message the one that it is called with. 1 or
 * 0.
 */
int forker_grpc_compressed(forker_request *req);

/*
 * Adds an entry to the metadata that is sent before the first message, or behind the last. The value is of visible ASCII
 * characters and spaces; if the name ends with "-bin" it is any bytes. Where the call ends without a message, both are sent
 * with its status. A trailer can be added until the call ends, by whoever has its handle too.
 *
 * Returns FORKER_OK, FORKER_E_INVALID (a name that is not a token or belongs to gRPC or HTTP, another character),
 * FORKER_E_LIMIT (more than 64 KiB), FORKER_E_STATE (not a call, or too late), FORKER_E_ABORTED (the deadline has passed).
 */
int forker_grpc_metadata_add(forker_request *req, const char *name, const void *value, size_t len);
int forker_grpc_trailer_add(forker_request *req, const char *name, const void *value, size_t len);

/*
 * Has `on_message` called for each message of a call, on the worker's main thread: forker_request_on_body() for methods
 * that take any number (FORKER_GRPC_CLIENT_STREAM, FORKER_GRPC_BIDI). Messages come with last=0, whole, and are valid until
 * on_message returns. Then comes one call without a message: last=1 when the client has sent its last one, which `data`
 * NULL tells, or FORKER_E_ABORTED. With last=1 the call must be replied to, or have a handle. While
 * forker_request_pause() holds, the client can send no more than its window of 256 KiB.
 *
 * Returns FORKER_OK or FORKER_E_STATE (not in a handler, answered, asked for already, or the method takes one message).
 */
int forker_grpc_on_message(forker_request *req, forker_body_fn on_message, void *user);

/*
 * Begins the response of a handle before there is a message, from any thread: the client gets the metadata that was added,
 * and forker_grpc_send() and forker_grpc_finish() follow. A no-op if it has begun. forker_grpc_on_message() comes before.
 *
 * Returns FORKER_OK, FORKER_E_ABORTED, FORKER_E_STATE (not a call, or replied to already).
 */
int forker_grpc_begin(forker_deferred handle);

/*
 * Sends a message through a handle, from any thread: the first one begins the response. The bytes are copied. While a
 * method takes messages it can send as well.
 *
 * Returns FORKER_OK; FORKER_E_AGAIN: others wait, and there is no room in option stream_buffer: nothing was sent, on_drain
 * (forker_stream_on_drain()) will be called; FORKER_E_ABORTED (the client has left, the deadline has passed, or the handle
 * is used up), FORKER_E_INVALID, FORKER_E_LIMIT (4 GiB or more, or more than option grpc_max_reply), FORKER_E_STATE (not a
 * call, or replied to already).
 */
int forker_grpc_send(forker_deferred handle, const void *message, size_t len);

/*
 * Ends the call of a handle with a status, behind the messages that were sent, and uses the handle up: `code` is 0 (OK) to
 * 16. May be NULL: text. forker_deferred_drop() is INTERNAL (13), as for a handler that fails.
 *
 * Returns FORKER_OK, FORKER_E_ABORTED (likewise used up), FORKER_E_INVALID (code), FORKER_E_STATE (not a call, or replied to
 * already; OK without a message, where the method gives one).
 */
int forker_grpc_finish(forker_deferred handle, int code, const char *text);

/* What the health service says of a service, as in grpc.health.v1. The numbers never change. */
enum { FORKER_HEALTH_UNKNOWN = 0, FORKER_HEALTH_SERVING = 1, FORKER_HEALTH_NOT_SERVING = 2 };

/*
 * Says what a service of the program is. The first call has the server answer grpc.health.v1.Health: Check, List and Watch;
 * "" stands for the program as a whole, and is SERVING until the program says otherwise. A worker that drains says
 * NOT_SERVING of all, and ends calls of Watch with UNAVAILABLE, so that their clients go to another one.
 *
 * Services are named before the server runs, up to 64 of them. What they are can be said at any time, and all workers know
 * it at once. Any thread, any process of the tree.
 *
 * Returns FORKER_OK, FORKER_E_INVALID (no such status), FORKER_E_LIMIT (too many, or a name of more than 200 bytes),
 * FORKER_E_STATE or FORKER_E_PROCESS (a service that was not named before run), or what forker_server_grpc() does.
 */
int forker_grpc_health(forker_server *server, const char *service, int status);

/*
 * Has the server answer grpc.reflection.v1.ServerReflection, and v1alpha: clients such as grpcurl and grpcui list its services
 * and make calls without having been built for them. `set` is a packed google.protobuf.FileDescriptorSet of the program's
 * services, as `protoc --include_imports --descriptor_set_out=FILE` writes it, and is copied; NULL and 0: none but those of
 * the library. Several calls add up; a file that is there already has to be the same. Anybody who can make calls can read all
 * of it: without this call there is no reflection.
 *
 * Returns FORKER_OK, FORKER_E_INVALID (not such a set, malformed, a file without one that it imports, or two that declare the
 * same), FORKER_E_LIMIT (more than 64 MiB), or what forker_server_grpc() does.
 */
int forker_server_grpc_descriptors(forker_server *server, const void *set, size_t len);

/* How long the client still waits, in nanoseconds; 0: not any more, INT64_MAX: it has set no deadline. 0 for NULL. */
int64_t forker_grpc_remaining(forker_request *req);

#ifdef __cplusplus
}
#endif

#endif /* FORKER_H */
