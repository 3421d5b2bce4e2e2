-- Asks the Starling node beside this gateway, over a Unix socket or TCP, from the access phase: no subrequest, a clean 429,
-- and what is left of the limit on every answer. One file for all that run Lua in nginx, without any other module:
--
--   nginx (Debian's libnginx-mod-http-lua), OpenResty   site.conf beside this file
--   Kong, plugin pre-function                           ../kong/kong.yaml
--   APISIX, plugin serverless-pre-function              ../apisix/route.yaml
--
--   local starling = require("starling")
--   starling.limit({ principal = starling.first(ngx.var.http_x_api_key, ngx.var.remote_addr) })
--
-- `limit` returns when the request may pass, and else answers the client itself. `ask` only tells, for gateways that want
-- to answer by a function of their own. The entries are what the rules match; every value is escaped, so that no client can
-- write a parameter of the question. A key that nothing has verified is the caller's free choice: verify it first.

local starling = {}

-- What a second argument of `limit` and `ask` may change.
local defaults = {
  address = "unix:/run/starling/http.sock", -- starling node --http-listen; or "127.0.0.1", and a port
  port = nil,
  timeout_ms = 50,        -- for connecting, sending and receiving each; a healthy node takes well below 1 ms
  fail_open = true,       -- while no node answers: true passes requests uncounted, false refuses them with 503
  connections_max = 64,   -- idle ones that each worker keeps
  idle_ms = 60000,
}
local question_bytes_max = 8192 -- a node takes 16384
local head_bytes_max = 16384
local body_bytes_max = 16384

-- The headers of the node's answer that are the client's business, in lower case.
local function concerns_client(name)
  return name == "retry-after" or name == "starling-learning"
    or name:find("^ratelimit") ~= nil or name:find("^x%-ratelimit%-") ~= nil
end

local function question(entries)
  local pairs_of_query = {}
  for key, value in pairs(entries) do
    pairs_of_query[#pairs_of_query + 1] = ngx.escape_uri(key) .. "=" .. ngx.escape_uri(tostring(value))
  end
  return "GET /v1/check?" .. table.concat(pairs_of_query, "&") .. " HTTP/1.1\r\nHost: starling\r\n\r\n"
end

-- Reads one answer; nil and why not, if it is none.
local function read_answer(socket)
  local head, problem = socket:receiveuntil("\r\n\r\n")(head_bytes_max)
  if not head then return nil, problem end
  local status = tonumber(head:match("^HTTP/1%.1 (%d%d%d)"))
  if not status or #head == head_bytes_max then return nil, "not an HTTP answer: " .. head:sub(1, 64) end
  local answer = { status = status, headers = {}, keep = true, body = "" }
  local body_bytes = 0
  for name, value in head:gmatch("\r\n([^:]+):[ \t]*([^\r\n]*)") do
    local lower = name:lower()
    if lower == "content-length" then
      body_bytes = tonumber(value) or 0
    elseif lower == "content-type" then
      answer.content_type = value
    elseif lower == "connection" and value:lower() == "close" then
      answer.keep = false
    elseif concerns_client(lower) then
      answer.headers[name] = value
    end
  end
  if body_bytes > body_bytes_max then return nil, "a body of " .. body_bytes .. " bytes" end
  if body_bytes > 0 then answer.body, problem = socket:receive(body_bytes) end
  if not answer.body then return nil, problem end
  return answer
end

-- One try: the answer, or nil, why not, and whether the connection was an old one.
local function try(request, options)
  local socket = ngx.socket.tcp()
  socket:settimeouts(options.timeout_ms, options.timeout_ms, options.timeout_ms)
  local connected, problem
  if options.port then
    connected, problem = socket:connect(options.address, options.port)
  else
    connected, problem = socket:connect(options.address)
  end
  if not connected then return nil, problem, false end
  local was_kept = (socket:getreusedtimes() or 0) > 0
  local sent, answer
  sent, problem = socket:send(request)
  if sent then answer, problem = read_answer(socket) end
  if not answer then
    socket:close()
    return nil, problem, was_kept
  end
  if answer.keep then
    socket:setkeepalive(options.idle_ms, options.connections_max)
  else
    socket:close()
  end
  return answer
end

local function with_defaults(options)
  if not options then return defaults end
  return setmetatable(options, { __index = defaults })
end

-- The first of these values that is there; an empty header is not.
function starling.first(...)
  for index = 1, select("#", ...) do
    local value = select(index, ...)
    if value and value ~= "" then return value end
  end
end

-- { allowed = true|false, status, headers, body }: status, headers and body are for the client that is refused; the headers
-- are for one that may pass as well.
function starling.ask(entries, options)
  options = with_defaults(options)
  local request = question(entries)
  if #request > question_bytes_max then -- so long only by what the client said: it must not look like a node that is gone
    return {
      allowed = false, status = 400, headers = { ["Content-Type"] = "application/json" },
      body = '{"message":"what the rate limit would count is too long"}',
    }
  end
  local answer, problem, was_kept = try(request, options)
  if not answer and was_kept and problem == "closed" then -- the node has closed an idle connection just now
    answer, problem = try(request, options)
  end
  if answer and answer.status == 200 then
    return { allowed = true, headers = answer.headers }
  end
  if answer and answer.status >= 400 and answer.status < 500 then -- 429; or 400: a question that makes no sense is no way in
    answer.headers["Content-Type"] = answer.content_type
    return { allowed = false, status = answer.status, headers = answer.headers, body = answer.body }
  end
  ngx.log(ngx.ERR, "starling: expected 200 or 429 from the node at ", options.address, ", found ",
    answer and answer.status or problem, options.fail_open and "; the request passes uncounted" or "; the request is refused")
  if options.fail_open then return { allowed = true, headers = {} } end
  return {
    allowed = false, status = 503, headers = { ["Retry-After"] = "1", ["Content-Type"] = "application/json" },
    body = '{"message":"the rate limit cannot be checked now"}',
  }
end

-- For the access phase of nginx, OpenResty and APISIX.
function starling.limit(entries, options)
  local verdict = starling.ask(entries, options)
  for name, value in pairs(verdict.headers) do
    ngx.header[name] = value
  end
  if verdict.allowed then return end
  ngx.status = verdict.status
  ngx.header["Content-Length"] = #verdict.body
  ngx.print(verdict.body)
  return ngx.exit(ngx.HTTP_OK) -- ends the request with the status that is set
end

return starling
