-- Credentials that look right and are worth nothing: only a service can tell, and a thousand of them a second would keep it
-- at that. A call with a credential that is not known takes a token of its client's address, and gives it back when a service
-- answers anything but a refusal: whoever gives up before the answer has paid. An address that has used up its bucket gets
-- through only what a service has accepted lately, so that others behind it go on. Each thread of the edge counts for itself.

local RATE, BURST = {refused_rate}, {refused_burst}
local MOST = 4096 -- of a generation; the older one is dropped when the younger is full
-- How a caller can have its call end when it likes: cancelled, too late.
local CHOSEN = { ["1"] = true, ["4"] = true, ["499"] = true, ["504"] = true }
local TAIL = 43 -- characters that nobody guesses: all of an API key's secret, 258 bits of a signature

local function generations()
  return { young = {}, old = {}, count = 0 }
end

local function put(cache, key, value)
  if cache.young[key] == nil then
    if cache.count >= MOST then
      cache.old, cache.young, cache.count = cache.young, {}, 0
    end
    cache.count = cache.count + 1
  end
  cache.young[key] = value
end

local function get(cache, key)
  local value = cache.young[key]
  if value == nil then
    value = cache.old[key]
    if value then
      cache.old[key] = nil
      put(cache, key, value)
    end
  end
  return value
end

local function drop(cache, key)
  cache.young[key], cache.old[key] = nil, nil
end

local buckets, accepted = generations(), generations()

local function nobody_lacks()
  return next(buckets.young) == nil and next(buckets.old) == nil
end

-- What one client owns: it takes any address of its /64 that it likes.
local function owner(address)
  if not address:find(":", 1, true) or address:find(".", 1, true) then
    return address
  end
  local left, right = address:match("^(.-)::(.*)$")
  local groups = {}
  for group in (left or address):gmatch("%x+") do
    groups[#groups + 1] = group
  end
  local _, behind = (right or ""):gsub("%x+", "")
  for _ = #groups + behind + 1, left and 8 or 0 do
    groups[#groups + 1] = "0"
  end
  for group in (right or ""):gmatch("%x+") do
    groups[#groups + 1] = group
  end
  return table.concat(groups, ":", 1, 4)
end

-- The bucket of an address that lacks tokens, with what came back to it since; nil for one that lacks none.
local function bucket_of(client)
  local bucket = get(buckets, client)
  if bucket then
    local now = os.time()
    bucket.tokens = math.min(BURST, bucket.tokens + (now - bucket.at) * RATE)
    bucket.at = now
    if bucket.tokens == BURST then
      drop(buckets, client)
      return nil
    end
  end
  return bucket
end

function envoy_on_request(handle)
  local headers = handle:headers()
  local credential = (headers:get("authorization") or ""):sub(-TAIL)
  local known = get(accepted, credential)
  if known and nobody_lacks() then
    return -- nearly every call
  end
  local client = owner(headers:get("fp-client-address"))
  local bucket = bucket_of(client)
  if known then
    if bucket then
      handle:streamInfo():dynamicMetadata():set("edge", "known", credential)
    end
    return
  end
  if not bucket then
    bucket = { tokens = BURST, at = os.time() }
    put(buckets, client, bucket)
  end
  if bucket.tokens < 1 then
    handle:respond({ [":status"] = "429", ["retry-after"] = "1" }, "too many refused credentials")
    return
  end
  bucket.tokens = bucket.tokens - 1
  handle:streamInfo():dynamicMetadata():set("edge", "unknown", credential)
end

function envoy_on_response(handle)
  local headers = handle:headers()
  local status, code = headers:get(":status"), headers:get("grpc-status")
  local refused = status == "401" or code == "16"
  if not refused and nobody_lacks() then
    return
  end
  local info = handle:streamInfo()
  local kept = info:dynamicMetadata():get("edge") or {}
  if refused and kept.known then
    drop(accepted, kept.known) -- it has ended, or only its end is that of a good one
  end
  if refused == (kept.unknown ~= nil) then
    return -- counted already, or nothing to give back
  end
  if CHOSEN[code or status] then
    return -- nobody judged it, and who sends it would keep his token by that
  end
  local client = owner((info:downstreamRemoteAddress():gsub(":%d+$", ""):gsub("[%[%]]", "")))
  local bucket = bucket_of(client)
  if refused then
    if not bucket then
      bucket = { tokens = BURST, at = os.time() }
      put(buckets, client, bucket)
    end
    bucket.tokens = bucket.tokens - 1
    return
  end
  if bucket then
    bucket.tokens = bucket.tokens + 1
  end
  if status:sub(1, 1) == "2" and (code == nil or code == "0") then
    put(accepted, kept.unknown, true)
  end
end
