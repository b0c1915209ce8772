-- luajit hello_luajit.lua 127.0.0.1:8080: a server in LuaJIT, by its FFI.
local ffi = require("ffi")
ffi.cdef([[
    typedef struct forker_server forker_server;
    typedef struct forker_request forker_request;
    typedef int (*forker_handler)(forker_request *req, void *user);
    forker_server *forker_server_new(void);
    int forker_server_handle(forker_server *, const char *, const char *, forker_handler, void *);
    int forker_server_listen(forker_server *, const char *);
    int forker_server_run(forker_server *);
    int forker_respond(forker_request *, int, const char *, const void *, size_t);
]])
local forker = ffi.load(os.getenv("FORKER_LIBRARY") or "libforker.so.0")

local hello = ffi.cast("forker_handler", function(request)
    local body = "hello from LuaJIT\n"
    return forker.forker_respond(request, 200, "text/plain", body, #body)
end)

local function run(server)
    return forker.forker_server_run(server)
end
jit.off(run) -- what calls back must not be compiled

local server = forker.forker_server_new()
forker.forker_server_handle(server, "GET", "/", hello, nil)
forker.forker_server_listen(server, arg[1] or ":8080")
os.exit(run(server) == 0)
