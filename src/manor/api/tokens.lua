-- Counts the tokens that the keys of a Model use, and answers 429 to one that has used what it may.
-- Each worker of a proxy has a state of it, and a new one where its listener changes.

local BYTES = 4 -- About a token.
local LONGEST = 64 -- Of "total_tokens" and its number, which two chunks may share.
local keys = {}

-- What a key owes falls by its limit a minute.
local function charge(used, tokens)
  used.owed = math.max(0, used.owed + tokens)
end

function envoy_on_request(handle)
  local key = handle:headers():get("x-manor-key") or ""
  local limit = handle:filterContext():get("tokensPerMinute")[key]
  if not limit then
    return
  end
  if handle:headers():get("upgrade") then
    handle:respond({[":status"] = "403"}, "this key has a limit of tokens, and those of a WebSocket are not counted")
    return
  end
  local now = os.time()
  local used = keys[key] or {owed = 0, at = now}
  charge(used, (used.at - now) * limit / 60)
  used.at = now
  keys[key] = used
  if used.owed >= limit then
    local seconds = math.floor((used.owed - limit) * 60 / limit) + 1
    handle:respond(
      {[":status"] = "429", ["content-type"] = "application/json", ["retry-after"] = string.format("%d", seconds)},
      '{"error":{"message":"this key has used its tokens of the minute","type":"tokens","code":"rate_limit_exceeded"}}'
    )
    return
  end
  -- The answer is read as it passes.
  handle:headers():remove("accept-encoding")
  local asked = 0
  handle:streamInfo():dynamicMetadata():set("manor.tokens", "key", key)
  handle:streamInfo():dynamicMetadata():set("manor.tokens", "asked", asked)
  for chunk in handle:bodyChunks() do
    local tokens = chunk:length() / BYTES
    charge(used, tokens)
    asked = asked + tokens
    handle:streamInfo():dynamicMetadata():set("manor.tokens", "asked", asked)
  end
end

function envoy_on_response(handle)
  local request = handle:streamInfo():dynamicMetadata():get("manor.tokens")
  local used = request and keys[request.key or ""]
  if not used then
    return
  end
  local charged, told, rest = request.asked, nil, ""
  if not handle:headers():get(":status"):find("^2") then
    charge(used, -charged)
    return
  end
  local events = (handle:headers():get("content-type") or ""):find("text/event-stream", 1, true)
  local guess = charged
  for chunk in handle:bodyChunks() do
    local bytes = chunk:getBytes(0, chunk:length())
    -- An event of a stream has two line ends.
    guess = guess + (events and select(2, bytes:gsub("\n", "")) / 2 or #bytes / BYTES)
    -- In what the model says, quotes have backslashes.
    local text = rest .. bytes
    for tokens in text:gmatch('"total_tokens"%s*:%s*(%d+)%D') do
      told = tonumber(tokens)
    end
    rest = text:sub(-LONGEST)
    charge(used, (told or guess) - charged)
    charged = told or guess
  end
end
