-- Sends browsers to the login page, and keeps pages of users out of every cache.

-- The gateway's redirect URLs need the path of the request, which an answer does not have.
function envoy_on_request(handle)
  local headers = handle:headers()
  if headers:get("sec-fetch-mode") == "navigate" and headers:get(":method") == "GET" then
    handle:streamInfo():dynamicMetadata():set("itsme", "return_to", headers:get(":path"))
  end
end

local function escape(text)
  return (text:gsub("[^%w%-._~]", function(c) return string.format("%%%02X", c:byte()) end))
end

function envoy_on_response(handle)
  local headers = handle:headers()
  local asked = handle:streamInfo():dynamicMetadata():get("itsme")
  local challenge = headers:get("www-authenticate")
  if headers:get(":status") == "401" and challenge and asked then
    local level = challenge:match('acr_values="(%l+)"')
    local location = "/itsme/login?return_to=" .. escape(asked["return_to"])
    if level then
      location = location .. "&acr_values=" .. level
    end
    headers:replace(":status", "303")
    headers:replace("location", location)
    headers:remove("www-authenticate")
  end

  -- The service does not know that its answer is a user's. What it forbids stays forbidden.
  local own = (headers:get("cache-control") or ""):lower()
  local value = "private"
  if own:find("no-store", 1, true) then
    value = "private, no-store"
  elseif own:find("no-cache", 1, true) then
    value = "private, no-cache"
  end
  headers:replace("cache-control", value)
  -- Fields that some caches obey instead. Add those of your CDN.
  for _, name in ipairs({ "cdn-cache-control", "cloudflare-cdn-cache-control", "surrogate-control", "edge-control", "x-litespeed-cache-control", "x-accel-expires" }) do
    headers:remove(name)
  end
end
