/*
 * A module for Lua, which cannot call C by itself: require("lua_forker").serve(address, f) serves GET / with what f
 * returns.
 *
 *     $ gcc -shared -fPIC -I/usr/include/lua5.4 -o lua_forker.so lua_forker.c -lforker
 */
#include <forker.h>
#include <lauxlib.h>
#include <lua.h>

static int hello(forker_request *req, void *user)
{
    lua_State *lua = user;
    size_t len;
    lua_pushvalue(lua, 2);
    if (lua_pcall(lua, 0, 1, 0) != LUA_OK || lua_type(lua, -1) != LUA_TSTRING) {
        lua_pop(lua, 1);
        return FORKER_E_INTERNAL;
    }
    const char *body = lua_tolstring(lua, -1, &len);
    int code = forker_respond(req, 200, "text/plain", body, len);
    lua_pop(lua, 1);
    return code;
}

static int serve(lua_State *lua)
{
    forker_server *server = forker_server_new();
    forker_server_listen(server, luaL_checkstring(lua, 1));
    forker_server_handle(server, "GET", "/", hello, lua);
    lua_pushboolean(lua, forker_server_run(server) == FORKER_OK);
    forker_server_free(server);
    return 1;
}

int luaopen_lua_forker(lua_State *lua)
{
    static const luaL_Reg functions[] = {{"serve", serve}, {NULL, NULL}};
    luaL_newlib(lua, functions);
    return 1;
}
