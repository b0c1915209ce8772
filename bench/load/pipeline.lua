-- wrk sends the request 16 times in one write and waits for the 16 responses.
local depth = 16
local batch

function init()
    batch = string.rep(wrk.format(), depth)
end

function request()
    return batch
end
