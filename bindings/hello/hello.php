<?php
// php hello.php 127.0.0.1:8080: a server in PHP (cli), by its FFI.
$forker = FFI::cdef('
    typedef struct forker_server forker_server;
    typedef struct forker_request forker_request;
    typedef int (*forker_handler)(forker_request *req, void *user);
    forker_server *forker_server_new(void);
    int forker_server_handle(forker_server *, const char *, const char *, forker_handler, void *);
    int forker_server_listen(forker_server *, const char *);
    int forker_server_run(forker_server *);
    int forker_respond(forker_request *, int, const char *, const char *, size_t);
', getenv('FORKER_LIBRARY') ?: 'libforker.so.0');

$hello = function ($request, $user) use ($forker) {
    $body = "hello from PHP\n";
    return $forker->forker_respond($request, 200, 'text/plain', $body, strlen($body));
};

$server = $forker->forker_server_new();
$forker->forker_server_handle($server, 'GET', '/', $hello, null);
$forker->forker_server_listen($server, $argv[1] ?? ':8080');
exit($forker->forker_server_run($server) === 0 ? 0 : 1);
