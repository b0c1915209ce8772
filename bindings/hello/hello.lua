-- lua5.4 hello.lua 127.0.0.1:8080: a server in Lua, by the module in lua_forker.c.
local forker = require("lua_forker")

os.exit(forker.serve(arg[1] or ":8080", function()
    return "hello from Lua\n"
end))
