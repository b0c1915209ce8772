-- wrk sends requests with a body: wrk ... -s upload.lua URL -- BYTES
local upload

function init(arguments)
    wrk.method = "POST"
    wrk.headers["Content-Type"] = "application/octet-stream"
    wrk.body = string.rep("x", tonumber(arguments[1]))
    upload = wrk.format()
end

function request()
    return upload
end
