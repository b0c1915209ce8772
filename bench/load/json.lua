-- wrk posts the JSON of a file, with a browser's fields: wrk ... -s json.lua URL -- FILE
local upload

function init(arguments)
    wrk.method = "POST"
    wrk.headers["Content-Type"] = "application/json"
    wrk.body = io.open(arguments[1]):read("a")
    upload = wrk.format()
end

function request()
    return upload
end
