-- HAProxy asks the Starling node beside it: the action `lua.starling` of haproxy.cfg. Needs HAProxy 2.6 or later with Lua
-- (`haproxy -vv` says; Debian's has it), for core.httpclient.
--
-- It asks about the principal in txn.starling_principal and only tells: txn.starling_verdict is `allowed`, `denied`,
-- `nonsense`, or `unavailable` while no node answers; what to do then is said in haproxy.cfg. The headers for the client come in
-- txn.starling_<name>, lower case with _ for -.
--
-- It asks by way of the section `listen starling` there, which keeps connections to the node open and has the timeouts: by
-- itself core.httpclient connects anew each time and, while the node is gone, tries four times within three seconds.
local way = "abns@starling"
local timeout_ms = 200 -- the last resort; those that matter are in haproxy.cfg

local principal_bytes_max = 1024 -- what is longer, and does not fit into a request when escaped, must not look like no answer

local told = {
  "ratelimit-policy", "ratelimit", "x-ratelimit-limit", "x-ratelimit-remaining", "x-ratelimit-reset",
  "retry-after",
}

-- Every byte that could mean something in a query, so that no client can write a parameter of the question.
local function escaped(text)
  return (text:gsub("[^%w%-_.~]", function(byte) return string.format("%%%02X", byte:byte()) end))
end

core.register_action("starling", { "http-req" }, function(txn)
  local principal = txn:get_var("txn.starling_principal") or ""
  if #principal > principal_bytes_max then
    txn:set_var("txn.starling_verdict", "nonsense")
    return
  end
  local answer = core.httpclient():get({
    url = "http://starling/v1/check?principal=" .. escaped(principal),
    dst = way,
    timeout = timeout_ms,
  })
  local status = answer and answer.status or 0 -- 0: no answer in time
  if status == 200 then
    txn:set_var("txn.starling_verdict", "allowed")
  elseif status == 429 then
    txn:set_var("txn.starling_verdict", "denied")
  elseif status >= 400 and status < 500 then -- only the client's principal can be the reason, and it must not be a way in
    txn:set_var("txn.starling_verdict", "nonsense")
  else
    txn:set_var("txn.starling_verdict", "unavailable")
    return
  end
  for _, name in ipairs(told) do
    local values = answer.headers[name]
    if values then txn:set_var("txn.starling_" .. name:gsub("-", "_"), values[0]) end
  end
end)
