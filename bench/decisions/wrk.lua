-- Sends prepared requests, beginning anywhere, and compares the answers with those that were expected.
-- CREDENCE_REQUESTS: a file of "<1 when allowed, else 0> <bytes>\n<the whole HTTP request>\n".
-- CREDENCE_ALLOWED: what the body of an answer that allows contains.
-- CREDENCE_ORDERED: "yes" with one connection, where answers come in the order of the requests and each is compared.
--   With many, no answer says which request it is for, and only their numbers are compared.
-- CREDENCE_AUTHORIZATION: the header of that name for all requests; empty for none.
local marker = os.getenv("CREDENCE_ALLOWED")
local ordered = os.getenv("CREDENCE_ORDERED") == "yes"
local threads = {}

function setup(thread)
  threads[#threads + 1] = thread
  thread:set("number", #threads)
end

function init()
  requests, expected = {}, {}
  local authorization = os.getenv("CREDENCE_AUTHORIZATION")
  local header = authorization ~= "" and "\r\nauthorization: " .. authorization .. "\r\n"
  local file = assert(io.open(os.getenv("CREDENCE_REQUESTS"), "rb"))
  while true do
    local head = file:read("*l")
    if not head then break end
    local allowed, bytes = head:match("^(%d) (%d+)$")
    local request = file:read(tonumber(bytes))
    requests[#requests + 1] = header and request:gsub("\r\n", header, 1) or request
    expected[#expected + 1] = allowed == "1"
    file:read(1)
  end
  file:close()
  math.randomseed(os.time() + number * 7919)
  at = math.random(#requests)
  first = at
  sent_allowed, sent, got_allowed, got, failed, wrong = 0, 0, 0, 0, 0, 0
  -- wrk asks the first thread for one request that it does not send.
  unsent = number == 1
end

function request()
  if unsent then
    unsent = false
    return requests[at]
  end
  local now = at
  at = at % #requests + 1
  sent = sent + 1
  if expected[now] then sent_allowed = sent_allowed + 1 end
  return requests[now]
end

function response(status, _, body)
  got = got + 1
  if status < 200 or status > 299 then failed = failed + 1 end
  local allowed = body:find(marker, 1, true) ~= nil
  if allowed then got_allowed = got_allowed + 1 end
  if ordered then
    if allowed ~= expected[first] then wrong = wrong + 1 end
    first = first % #requests + 1
  end
end

function done(summary, latency, _)
  local sums = {}
  for _, name in ipairs({ "sent", "sent_allowed", "got", "got_allowed", "failed", "wrong" }) do
    sums[name] = 0
    for _, thread in ipairs(threads) do sums[name] = sums[name] + thread:get(name) end
  end
  local errors = summary.errors
  io.write(string.format(
    '\n{"requests":%d,"seconds":%.3f,"p50":%.3f,"p99":%.3f,"failed":%d,"broken":%d,"sent":%d,"sentAllowed":%d,"got":%d,"gotAllowed":%d,"wrong":%d}\n',
    summary.requests, summary.duration / 1e6, latency:percentile(50) / 1e3, latency:percentile(99) / 1e3, sums.failed,
    errors.connect + errors.read + errors.write + errors.timeout, sums.sent, sums.sent_allowed, sums.got,
    sums.got_allowed, sums.wrong))
end
