/*
 * The options: one table, from which come the parser, forker_option_at(), the environment overrides and
 * docs/OPTIONS.md.
 */
#ifndef FORKER_OPTIONTABLE_H
#define FORKER_OPTIONTABLE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/*
 * id, name, type, default, words, least, most, reloadable, description.
 *
 * `words` are names for values: of a CHOICE they stand for 0, 1, 2 ... and are separated by "|"; of a numeric type it
 * is "" or one word and ", or ", which stands for -1. `least` and `most` are in the form of a value, "" for the types
 * that have none. The number of a USER or GROUP is its id, -1 for none.
 *
 * No value is a secret: the admin listener shows them.
 */
#define FK_OPTIONS(X)                                                                                                  \
    X(WORKERS, "workers", NUMBER, "auto", "auto, or ", "0", "1024", true,                                              \
      "Worker processes: auto is one for each core that affinity and cgroup quota allow, 0 serves in the calling "     \
      "process without forking.")                                                                                      \
    X(BACKLOG, "backlog", NUMBER, "4096", "", "1", "65535", false,                                                     \
      "Connections that the kernel queues on a listening socket; the kernel caps it at net.core.somaxconn.")           \
    X(REUSEPORT, "reuseport", CHOICE, "off", "off|on", "", "", false,                                                  \
      "Whether a TCP address has one listening socket for each worker, at most 64, over which the kernel spreads "     \
      "connections (SO_REUSEPORT). Set before forker_server_listen().")                                                \
    X(UNIX_MODE, "unix_mode", MODE, "0666", "", "0", "0777", false,                                                    \
      "Permission bits of unix socket files, where the address does not set them by ?mode=.")                          \
    X(PID_FILE, "pid_file", TEXT, "", "", "", "", false,                                                               \
      "File that names the calling process while it serves; empty is none. One that another running process owns is "  \
      "not replaced.")                                                                                                 \
    X(NOTIFY, "notify", CHOICE, "on", "off|on", "", "", false,                                                         \
      "Whether the service manager that NOTIFY_SOCKET names is told when the server is ready, reloads, stops and "     \
      "lives.")                                                                                                        \
    X(USER, "user", USER, "", "", "", "", false,                                                                       \
      "Who master and workers run as when root calls run: after the listening sockets are opened they give up root "   \
      "for good. The calling process stays root.")                                                                     \
    X(GROUP, "group", GROUP, "", "", "", "", false, "Their group, if it is not that of the user's account.")           \
    X(CHROOT, "chroot", DIRECTORY, "", "", "", "", false,                                                              \
      "What the workers see as the root directory, once they run as the user.")                                        \
    X(NO_NEW_PRIVS, "no_new_privs", CHOICE, "on", "off|on", "", "", false,                                             \
      "Whether programs that are started by workers which have given up root are kept from gaining privileges, as by " \
      "set-user-ID (no_new_privs, and an empty bounding set).")                                                        \
    X(WORKER_COMMANDS, "worker_commands", CHOICE, "off", "off|on", "", "", false,                                      \
      "Whether workers which have given up root may have the calling process, which has not, reload, reopen its logs " \
      "or be upgraded.")                                                                                               \
    X(RLIMIT_NOFILE, "rlimit_nofile", NUMBER, "keep", "keep, or ", "64", "1048576", false,                             \
      "How many descriptors a worker may have, see getrlimit(2).")                                                     \
    X(RLIMIT_CORE, "rlimit_core", SIZE, "keep", "keep, or ", "0", "1t", false,                                         \
      "Bytes of a worker's core dump, see getrlimit(2). With option user, workers can be traced by others of that "    \
      "user only where this is more than 0.")                                                                          \
    X(OOM_SCORE_ADJ, "oom_score_adj", NUMBER, "keep", "keep, or ", "0", "1000", false,                                 \
      "How much rather than other processes a worker is killed when memory is out, see proc(5).")                      \
    X(PROCESS_TITLES, "process_titles", CHOICE, "on", "off|on", "", "", false,                                         \
      "Whether ps(1) shows the forked processes as \"program: master\" and \"program: worker 0\". A title that the "   \
      "program sets before run, or until its worker_init hook returns, stays; for later ones switch this off.")        \
    X(CPU_AFFINITY, "cpu_affinity", CHOICE, "off", "off|on", "", "", false,                                            \
      "Whether each worker is kept on one CPU: worker i on the i-th of those that the program may use.")               \
    X(HANG_TIMEOUT, "hang_timeout", DURATION, "off", "off, or ", "1s", "24h", true,                                    \
      "How long a worker's loop, or the inline handler that it is in, may stand still before the worker is aborted, "  \
      "which writes a backtrace, and killed 2 s later. The same happens when every thread that max_handlers allows "   \
      "has been in a handler for so long; while there are fewer, a warning names the request.")                        \
    X(MAX_REQUESTS, "max_requests", NUMBER, "off", "off, or ", "1", "1000000000000", true,                             \
      "Requests after which a worker is replaced, and up to a tenth more.")                                            \
    X(MAX_AGE, "max_age", DURATION, "off", "off, or ", "1s", "10000h", true,                                           \
      "Age at which a worker is replaced, and up to a tenth more.")                                                    \
    X(WORKER_MEMORY_SOFT, "worker_memory_soft", SIZE, "off", "off, or ", "1m", "1t", true,                             \
      "Resident memory of a worker, pages shared with others included, at which it is replaced.")                      \
    X(WORKER_MEMORY_HARD, "worker_memory_hard", SIZE, "off", "off, or ", "1m", "1t", true,                             \
      "Resident memory of a worker at which it is killed.")                                                            \
    X(RESTART_LIMIT, "restart_limit", NUMBER, "off", "off, or ", "1", "1000000", true,                                 \
      "How many workers may die within restart_window; when one more does, run ends with an error.")                   \
    X(RESTART_WINDOW, "restart_window", DURATION, "1m", "", "1s", "24h", true,                                         \
      "The time in which restart_limit counts.")                                                                       \
    X(MASTER_TIMEOUT, "master_timeout", DURATION, "10s", "off, or ", "1s", "1h", true,                                 \
      "How long the master may give no sign of life, as when it was stopped, before it is killed and another takes "   \
      "over. Time in which the calling process does not run does not count, nor does a master that a debugger holds.") \
    X(BOOT_TIMEOUT, "boot_timeout", DURATION, "10s", "", "100ms", "1h", true,                                          \
      "How long a worker may take from fork until it is ready, hooks included; then it is killed and tried again.")    \
    X(UPGRADE_TIMEOUT, "upgrade_timeout", DURATION, "60s", "", "100ms", "24h", false,                                  \
      "How long the program that is executed anew by an upgrade may take until all its workers are ready; then it is " \
      "stopped and the old one goes on.")                                                                              \
    X(DRAIN_TIMEOUT, "drain_timeout", DURATION, "30s", "", "0", "24h", true,                                           \
      "How long a graceful stop waits for requests in flight before it kills.")                                        \
    X(DRAIN_GRACE, "drain_grace", DURATION, "500ms", "", "0", "1h", true,                                              \
      "How long a draining worker keeps idle connections open, so that a request already on its way is answered.")     \
    X(READ_HEADER_TIMEOUT, "read_header_timeout", DURATION, "10s", "", "10ms", "24h", true,                            \
      "How long the head of a request may take from its first byte (of a new connection: from accept) to its end; "    \
      "then 408.")                                                                                                     \
    X(READ_BODY_TIMEOUT, "read_body_timeout", DURATION, "60s", "", "10ms", "24h", true,                                \
      "How long the body of a request may take from the end of its head; then 408.")                                   \
    X(BODY_MIN_RATE, "body_min_rate", SIZE, "500", "", "0", "1g", true,                                                \
      "Bytes; so many that the client sends of a body give it another second beyond read_body_timeout, which is also " \
      "how long it may then be silent. 0 gives none.")                                                                 \
    X(WRITE_TIMEOUT, "write_timeout", DURATION, "60s", "", "10ms", "24h", true,                                        \
      "How long a response may wait for a client that does not read; then the connection is closed.")                  \
    X(IDLE_TIMEOUT, "idle_timeout", DURATION, "75s", "", "10ms", "24h", true,                                          \
      "How long a connection is kept open between requests.")                                                          \
    X(MAX_CONNECTIONS, "max_connections", NUMBER, "0", "", "0", "10000000", true,                                      \
      "Connections that each worker has open at a time; more wait in the kernel's queue. 0 is no limit but that of "   \
      "descriptors.")                                                                                                  \
    X(MAX_CONNECTIONS_PER_PEER, "max_connections_per_peer", NUMBER, "0", "", "0", "10000000", true,                    \
      "Connections of one client address, for IPv6 of one /64, to each worker; more are answered 429. 0 is no limit.") \
    X(MAX_REQUESTS_PER_CONNECTION, "max_requests_per_connection", NUMBER, "0", "", "0", "1000000000", true,            \
      "Requests on one connection; the last one is answered with \"Connection: close\", over HTTP/2 with GOAWAY. 0 "   \
      "is no limit.")                                                                                                  \
    X(MAX_CONNECTION_AGE, "max_connection_age", DURATION, "0", "", "0", "10000h", true,                                \
      "After how long, and up to a tenth more, a connection's next response says \"Connection: close\"; over HTTP/2 "  \
      "GOAWAY, also without a response. What has begun goes on. 0 is never.")                                          \
    X(KEEP_ALIVE, "keep_alive", CHOICE, "on", "off|on", "", "", true,                                                  \
      "Whether connections are kept open for more than one request.")                                                  \
    X(MAX_PIPELINED, "max_pipelined", NUMBER, "128", "", "1", "1000000", true,                                         \
      "Requests that came together on one connection and are served before other connections have their turn.")        \
    X(READ_BUFFER, "read_buffer", SIZE, "32k", "", "4k", "16m", true,                                                  \
      "Bytes of the input buffer that a connection has while it is in use; it grows to what max_head asks for.")       \
    X(TRUSTED_PROXIES, "trusted_proxies", NETWORKS, "", "", "", "", true,                                              \
      "Addresses of proxies that are believed when they say where a request comes from: see option forwarded, and "    \
      "proxy= of forker_server_listen().")                                                                             \
    X(FORWARDED, "forwarded", CHOICE, "off", "off|x-forwarded-for|forwarded", "", "", true,                            \
      "By which fields trusted proxies say for whom a request is, by which scheme and for which host: "                \
      "X-Forwarded-For, -Proto and -Host, or Forwarded (RFC 7239). They count from the right up to the first address " \
      "that is not a trusted proxy's; the fields of other clients count for nothing.")                                 \
    X(REQUEST_ID, "request_id", CHOICE, "off", "off|on", "", "", true,                                                 \
      "Whether each request has an id, which its response and the access log show: that of its X-Request-Id field if " \
      "a trusted proxy has sent it, else a new one.")                                                                  \
    X(ERRORS, "errors", CHOICE, "text", "text|html|problem|accept", "", "", true,                                      \
      "What the bodies of the library's own error responses are (404, 405, 413, 500 and so on): text, a page of "      \
      "HTML, details of a problem (RFC 9457, application/problem+json), or that of these which the request's Accept "  \
      "likes best. Redirects, calls of gRPC and what is refused before there is a request keep text.")                 \
    X(SLASH, "slash", CHOICE, "strict", "strict|add|remove", "", "", true,                                             \
      "What becomes of a path that no route has, where one has it with a slash at its end (add) or without "           \
      "(remove): a redirect there, else 404.")                                                                         \
    X(WWW, "www", CHOICE, "keep", "keep|add|remove", "", "", true,                                                     \
      "Whether requests for example.org are redirected to www.example.org (add), or the other way round "              \
      "(remove). Addresses and names without a dot stay.")                                                             \
    X(METHOD_OVERRIDE, "method_override", CHOICE, "off", "off|header", "", "", true,                                   \
      "Whether a POST with X-HTTP-Method-Override: PUT, PATCH or DELETE is such a request. No other methods "          \
      "are replaced, and by no others.")                                                                               \
    X(RATE_LIMIT, "rate_limit", RATE, "", "", "", "", false,                                                           \
      "How often a client may come, over all workers together, such as 100/s burst=200: in the long run, "             \
      "and at once. by=client counts addresses, of IPv6 by their /64, by=header:X-Api-Key values of a "                \
      "field, by=all everybody; more is answered 429 with Retry-After. Also of a route, which then counts "            \
      "by itself.")                                                                                                    \
    X(SECURITY, "security", CHOICE, "off", "off|on", "", "", true,                                                     \
      "Whether responses have X-Content-Type-Options: nosniff, X-Frame-Options: SAMEORIGIN, Referrer-"                 \
      "Policy: strict-origin-when-cross-origin and Cross-Origin-Opener-Policy: same-origin, but for those "            \
      "that the program sets. Also of a route.")                                                                       \
    X(HSTS, "hsts", TEXT, "", "", "", "", true,                                                                        \
      "Value of Strict-Transport-Security in responses over TLS, such as max-age=31536000; empty is none. "            \
      "Also of a route.")                                                                                              \
    X(CSP, "csp", TEXT, "", "", "", "", true,                                                                          \
      "Value of Content-Security-Policy in responses where the program does not set it; empty is none. Also "          \
      "of a route.")                                                                                                   \
    X(CORS_ORIGINS, "cors_origins", ORIGINS, "", "", "", "", true,                                                     \
      "Sites whose pages may read responses (CORS): origins such as https://example.org, "                             \
      "https://*.example.org for all below, * for all. What browsers ask before (OPTIONS) is answered "                \
      "without a handler; a response that has Access-Control-Allow-Origin of the program is left as it is. Also of a " \
      "route.")                                                                                                        \
    X(CORS_HEADERS, "cors_headers", NAMES, "*", "", "", "", true,                                                      \
      "Fields that requests of those pages may have beyond the usual; * is what they ask for. Also of a "              \
      "route.")                                                                                                        \
    X(CORS_EXPOSE, "cors_expose", NAMES, "", "", "", "", true,                                                         \
      "Fields of responses that those pages may read beyond the usual. Also of a route.")                              \
    X(CORS_CREDENTIALS, "cors_credentials", CHOICE, "off", "off|on", "", "", true,                                     \
      "Whether those pages may send cookies along; not with cors_origins=*. Also of a route.")                         \
    X(CORS_MAX_AGE, "cors_max_age", DURATION, "0", "", "0", "24h", true,                                               \
      "How long browsers may remember what they have asked; 0 leaves it to them. Also of a route.")                    \
    X(CSRF, "csrf", CHOICE, "off", "off|fetch|token", "", "", true,                                                    \
      "Whether requests that change something (all but GET, HEAD and OPTIONS) are refused when a page of "             \
      "another site has the browser send them, as Sec-Fetch-Site says, or Origin: 403. With token those are too that " \
      "have no Sec-Fetch-Site, as of browsers before 2023, and do not show by a token of forker_request_csrf_token() " \
      "that a page of this server has sent them. Also of a route.")                                                    \
    X(CSRF_ORIGINS, "csrf_origins", ORIGINS, "", "", "", "", true,                                                     \
      "Other sites from which they are served all the same. Also of a route.")                                         \
    X(BASIC_AUTH, "basic_auth", TEXT, "", "", "", "", false,                                                           \
      "File of lines \"name:hash\", as htpasswd -B writes them, of who may come in with their password (HTTP Basic, "  \
      "RFC "                                                                                                           \
      "7617); all others are answered 401. Hashes are bcrypt, argon2id, argon2i and SHA-crypt ($5$, $6$). It is read " \
      "by the calling process when the server runs, and again at each reload, which is refused if it is malformed. "   \
      "Empty: everybody may. Also of a route.")                                                                        \
    X(AUTH_REALM, "auth_realm", TEXT, "restricted", "", "", "", true,                                                  \
      "What clients are told that name and password are for, in WWW-Authenticate. Also of a route.")                   \
    X(DECOMPRESS, "decompress", CHOICE, "off", "off|on", "", "", true,                                                 \
      "Whether bodies of requests that are compressed by gzip or zstd (Content-Encoding) are decoded before the "      \
      "handler has them: as if they had come so, held to max_body, and without the fields that say otherwise. "        \
      "Another coding is answered 415. Of several routes that a request has, the first counts. Also of a route.")      \
    X(COMPRESS, "compress", CHOICE, "off", "off|on|gzip|zstd", "", "", true,                                           \
      "How responses are compressed whose client takes that: on is zstd or gzip, whichever it likes best. Not those "  \
      "that have "                                                                                                     \
      "Content-Encoding, no-transform or a promised length, parts, and files: beside these there can be compressed "   \
      "ones "                                                                                                          \
      "(static_precompressed). Leave it off where a secret stands beside text of the client (BREACH). Also of a "      \
      "route.")                                                                                                        \
    X(COMPRESS_TYPES, "compress_types", MEDIA_TYPES,                                                                   \
      "text/*, application/json, application/javascript, application/xml, application/wasm, image/svg+xml", "", "",    \
      "", true,                                                                                                        \
      "Media types of the responses that are compressed; those of text/event-stream are only if it is named. Also of " \
      "a route.")                                                                                                      \
    X(COMPRESS_MIN, "compress_min", SIZE, "1k", "", "0", "1g", true,                                                   \
      "Bytes that a body has at least, as far as its length is known, to be compressed.")                              \
    X(COMPRESS_STREAMS, "compress_streams", NUMBER, "64", "", "0", "10000", true,                                      \
      "Responses of more than 16 KiB, and streams, that each worker compresses at a time, with 1 MB of memory each; "  \
      "more go "                                                                                                       \
      "out as they are.")                                                                                              \
    X(STATIC_INDEX, "static_index", FILE_NAME, "index.html", "", "", "", true,                                         \
      "File that is served for a directory (forker_server_static()); empty is none. Also of a route.")                 \
    X(STATIC_LISTING, "static_listing", CHOICE, "off", "off|on", "", "", true,                                         \
      "Whether a page that lists its files is served for a directory without that one. Also of a route.")              \
    X(STATIC_FALLBACK, "static_fallback", FILE_NAME, "", "", "", "", true,                                             \
      "File that is served where there is none, as applications in a single page need it: to requests whose Accept "   \
      "names text/html and whose last segment has no dot, so that a script that is missing stays a 404. Also of a "    \
      "route.")                                                                                                        \
    X(STATIC_CACHE_CONTROL, "static_cache_control", RULES, "", "", "", "", true,                                       \
      "Value of Cache-Control by the names of files, of which the first pattern that matches counts: "                 \
      "*.js=public, max-age=31536000, immutable; *=no-cache. * stands for anything; a pattern with a slash is for "    \
      "the whole path below the directory. Also of a route.")                                                          \
    X(STATIC_TYPES, "static_types", TYPES, "", "", "", "", true,                                                       \
      "Media types by the endings of names, before those that are known: wasm=application/wasm, log=text/plain. "      \
      "Those of text get charset=utf-8 if they say none; what nobody knows is application/octet-stream. Also of a "    \
      "route.")                                                                                                        \
    X(STATIC_ETAG, "static_etag", CHOICE, "on", "off|on", "", "", true,                                                \
      "Whether files have an ETag, made of their time and size. Also of a route.")                                     \
    X(STATIC_PRECOMPRESSED, "static_precompressed", CHOICE, "off", "off|on", "", "", true,                             \
      "Whether a file is served compressed, to who takes that, where the same stands beside it with .br, .zst or .gz " \
      "behind the name and is not older. Also of a route.")                                                            \
    X(HTTP2, "http2", CHOICE, "off", "off|on", "", "", true,                                                           \
      "Whether clients with TLS are offered HTTP/2, which browsers and most libraries take.")                          \
    X(H2C, "h2c", CHOICE, "off", "off|on", "", "", true,                                                               \
      "Whether HTTP/2 is spoken without TLS too, with clients that begin with it (prior knowledge), as proxies do.")   \
    X(GRPC_MAX_MESSAGE, "grpc_max_message", SIZE, "4m", "", "0", "2g", true,                                           \
      "Bytes that a message may have which a client of a gRPC method sends, inflated if it was compressed; a larger "  \
      "one ends the call with status RESOURCE_EXHAUSTED (8). Also of a method.")                                       \
    X(GRPC_MAX_REPLY, "grpc_max_reply", SIZE, "4g", "", "0", "4g", true,                                               \
      "Bytes that a message may have which a gRPC method sends; a larger one is FORKER_E_LIMIT for the program. Also " \
      "of a method.")                                                                                                  \
    X(GRPC_COMPRESS, "grpc_compress", SIZE, "0", "", "0", "1g", true,                                                  \
      "From how many bytes on a message that a gRPC method sends is compressed by gzip, for clients that take it; up " \
      "to 1m is. 0: none is. Also of a method.")                                                                       \
    X(HTTP2_STREAMS, "http2_streams", NUMBER, "128", "", "1", "1000", true,                                            \
      "Requests of one HTTP/2 connection at a time; more are refused, and the client may repeat them.")                \
    X(TLS_MIN_VERSION, "tls_min_version", CHOICE, "1.2", "1.2|1.3", "", "", true,                                      \
      "The least version of TLS that is spoken.")                                                                      \
    X(TLS_STRICT_SNI, "tls_strict_sni", CHOICE, "off", "off|on", "", "", true,                                         \
      "Whether a client that asks for a name which no certificate has is refused; else it gets the first one.")        \
    X(TLS_HANDSHAKES, "tls_handshakes", NUMBER, "1024", "", "1", "1000000", true,                                      \
      "TLS handshakes that each worker has under way at a time; more connections wait in the kernel's queue.")         \
    X(TLS_HANDSHAKE_TIMEOUT, "tls_handshake_timeout", DURATION, "10s", "", "10ms", "1h", true,                         \
      "How long a TLS handshake may take from accept on; then the connection is closed.")                              \
    X(TLS_WATCH, "tls_watch", DURATION, "off", "off, or ", "1s", "10000h", true,                                       \
      "How often the files of certificates are looked at; when some have changed, the server reloads.")                \
    X(COOKIE_KEYS, "cookie_keys", KEYS, "", "", "", "", true,                                                          \
      "Secrets by which forker_cookie_sign() signs, with the first, and forker_cookie_verify() verifies, with any: "   \
      "so "                                                                                                            \
      "a new one goes before the others, and an old one is left out when its cookies are over.")                       \
    X(TLS_TICKET_KEYS, "tls_ticket_keys", TEXT, "", "", "", "", false,                                                 \
      "File of one to three keys of 32 bytes each for session tickets, the one that tickets are made with first, for " \
      "servers on several machines; a reload reads it again. Empty: made at random, and changed every 12 h.")          \
    X(TLS_KEY_LOG, "tls_key_log", TEXT, "", "", "", "", false,                                                         \
      "For debugging only: file that the secrets of all TLS sessions are appended to, as SSLKEYLOGFILE of browsers "   \
      "is, for tools such as Wireshark. Whoever reads it can decrypt the traffic. It is made with mode 0600, and one " \
      "that others may use is refused. Empty is none.")                                                                \
    X(TCP_KEEPALIVE, "tcp_keepalive", DURATION, "60s", "off, or ", "1s", "9h", false,                                  \
      "After how long without traffic the kernel asks whether a client is still there, see tcp(7).")                   \
    X(WRITE_MIN_RATE, "write_min_rate", SIZE, "500", "", "0", "1g", true,                                              \
      "Bytes; so many that the client takes give a response another second beyond write_timeout, 0 gives none.")       \
    X(HANDLER_TIMEOUT, "handler_timeout", DURATION, "0", "", "0", "24h", true,                                         \
      "How long a pooled or deferred handler may take to respond, then 504; 0 is for ever. Where it takes the body "   \
      "piece by piece, each pause counts for itself, and so does the time from the end of the body. "                  \
      "Also of a route.")                                                                                              \
    X(HALF_CLOSE, "half_close", CHOICE, "on", "off|on", "", "", true,                                                  \
      "Whether a client that has sent its end still gets a response that takes time; off takes it as having left. A "  \
      "stream of unknown length ends with its client either way.")                                                     \
    X(DISPATCH, "dispatch", CHOICE, "inline", "inline|pool", "", "", false,                                            \
      "Where handlers run of routes that are registered from now on: inline on the worker's main thread, or each on "  \
      "a thread of a pool.")                                                                                           \
    X(MAX_HANDLERS, "max_handlers", NUMBER, "256", "", "1", "256", true,                                               \
      "Threads of the handler pool of each worker; they are made when needed.")                                        \
    X(HANDLER_QUEUE, "handler_queue", NUMBER, "1024", "", "0", "1000000", true,                                        \
      "Requests that may wait for a thread of the pool; more are answered 503.")                                       \
    X(HANDLER_IDLE, "handler_idle", DURATION, "10s", "", "100ms", "24h", true,                                         \
      "How long a thread of the pool lives without work.")                                                             \
    X(STREAM_BUFFER, "stream_buffer", SIZE, "256k", "", "4k", "1g", true,                                              \
      "Bytes of a stream that may wait for the client; forker_stream_write() refuses more.")                           \
    X(MAX_HEAD, "max_head", SIZE, "16k", "", "1k", "1m", true,                                                         \
      "Bytes of a request's head, request line and fields; more is 431.")                                              \
    X(MAX_TARGET, "max_target", SIZE, "8k", "", "64", "1m", true, "Bytes of a request's target; more is 414.")         \
    X(MAX_FIELDS, "max_fields", NUMBER, "100", "", "1", "256", true, "Header fields of a request; more is 431.")       \
    X(MAX_BODY, "max_body", SIZE, "4m", "", "0", "1t", true, "Bytes of a request's body; more is 413.")                \
    X(BODY_BUFFER, "body_buffer", SIZE, "1m", "", "0", "1g", true,                                                     \
      "Bytes of a request's body that are kept in memory; a larger one is kept in a file, which is mapped. Over "      \
      "HTTP/2 so many of all bodies of a connection together.")                                                        \
    X(BODY_MEMORY, "body_memory", SIZE, "1g", "", "0", "1t", true,                                                     \
      "Bytes of memory that each worker has for the bodies of all requests together, beyond the input buffers. More "  \
      "go to files as those beyond body_buffer do, or are answered 503 where these are in memory too (spill_dir). 0 "  \
      "is no limit.")                                                                                                  \
    X(SPILL_DIR, "spill_dir", DIRECTORY, "", "", "", "", true,                                                         \
      "Where those files are, without names; empty keeps them in memory (memfd_create(2)). The workers look for it "   \
      "as the user that they are, under chroot too.")                                                                  \
    X(FORM_PARTS, "form_parts", NUMBER, "128", "", "1", "10000", true,                                                 \
      "Parts of a form that is multipart/form-data; more are 413.")                                                    \
    X(FORM_FIELD, "form_field", SIZE, "64k", "", "1", "1g", true, "Bytes of one field of a form; more are 413.")       \
    X(FORM_FIELDS, "form_fields", SIZE, "1m", "", "1", "1g", true,                                                     \
      "Bytes of all fields of a form; more are 413. Of application/x-www-form-urlencoded the names count too.")        \
    X(FORM_FILE, "form_file", SIZE, "off", "off, or ", "0", "1t", true,                                                \
      "Bytes of one file of a form; more are 413. off is as many as the body may have (max_body).")                    \
    X(FORM_FILES, "form_files", SIZE, "off", "off, or ", "0", "1t", true,                                              \
      "Bytes of all files of a form; more are 413. off is as many as the body may have.")                              \
    X(SERVER_NAME, "server_name", TEXT, "libforker", "", "", "", true,                                                 \
      "Value of the Server field in responses; empty leaves the field out.")                                           \
    X(DATE, "date", CHOICE, "on", "off|on", "", "", true, "Whether responses have a Date field.")                      \
    X(ADMIN, "admin", ADDRESS, "", "", "", "", false,                                                                  \
      "Where the master shows health, status, metrics and a page for people; a unix socket gets mode 0600; empty is "  \
      "nowhere.")                                                                                                      \
    X(ADMIN_QUERIES, "admin_queries", CHOICE, "off", "off|on", "", "", false,                                          \
      "Whether it shows what follows the ? of a request's target; there may be secrets in it.")                        \
    X(LOG_LEVEL, "log_level", CHOICE, "info", "error|warn|info|debug", "", "", true,                                   \
      "The least important lines that are logged.")                                                                    \
    X(LOG_RATE, "log_rate", NUMBER, "100", "off, or ", "0", "1000000", true,                                           \
      "Lines of each level that the library logs in a second in each process; further ones are counted, and told as "  \
      "\"... and 7 more\". Those of the program are not counted.")                                                     \
    X(ERROR_LOG, "error_log", TEXT, "", "", "", "", false,                                                             \
      "File that log lines and crash reports are appended to; empty is stderr.")                                       \
    X(ACCESS_LOG, "access_log", CHOICE, "off", "off|common|combined|json", "", "", false,                              \
      "Form of the line that is logged for each request.")                                                             \
    X(ACCESS_LOG_FILE, "access_log_file", TEXT, "", "", "", "", false,                                                 \
      "File that these lines are appended to; empty is stderr.")                                                       \
    X(ACCESS_LOG_FIELDS, "access_log_fields", LOG_FIELDS, "", "", "", "", false,                                       \
      "What these lines have besides: the request's id (option request_id), the pattern of its route, where it is "    \
      "from (option trusted_proxies), fields of its head such as header:x-tenant, of several the first. json has "     \
      "them under these names, where the request has them; common and combined have name=\"value\" behind all else, "  \
      "\"-\" for what it lacks. Fields such as Authorization and Cookie are secrets, which a log should not have.")    \
    X(HANDLE_SIGNALS, "handle_signals", CHOICE, "on", "off|on", "", "", false,                                         \
      "Whether signals steer the server while run is running, see forker_server_run().")                               \
    X(THREADS, "threads", CHOICE, "auto", "auto|ignore|warn|refuse", "", "", false,                                    \
      "What run does when the process has more than one thread, which fork cannot carry over: auto refuses where "     \
      "some "                                                                                                          \
      "of them are of a managed runtime (Go, Java, Node.js, .NET ...), which would hang in the workers, and else "     \
      "warns.")                                                                                                        \
    X(GO_MAX_PROCS, "go_max_procs", NUMBER, "2", "", "1", "1024", true,                                                \
      "Threads of each worker that may run Go code at once; handlers are called on one of them.")                      \
    X(GO_GC_PERCENT, "go_gc_percent", NUMBER, "100", "off, or ", "1", "10000", true,                                   \
      "Growth of the Go heap, in percent, at which a worker collects garbage.")                                        \
    X(GO_MEMORY_LIMIT, "go_memory_limit", SIZE, "off", "off, or ", "16m", "1t", true,                                  \
      "Soft limit of the memory that each worker's Go runtime uses.")

enum {
#define FK_OPTION_ID(id, name, type, initial, words, least, most, reloadable, description) FK_OPTION_##id,
    FK_OPTIONS(FK_OPTION_ID)
#undef FK_OPTION_ID
        FK_OPTION_COUNT
};

enum { FK_OPTION_TEXT_MAX = 1024 };

/* One option's value: as text, and as what the text means (durations in ns, sizes in bytes, ids). */
typedef struct {
    char text[FK_OPTION_TEXT_MAX];
    int64_t number;
    bool from_environment;
    bool pinned; /* set by the program after it had loaded a file: the file does not change it any more */
} fk_option_value;

#endif
