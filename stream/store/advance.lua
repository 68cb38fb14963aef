-- Moves a cursor of the outbox forward, never back; answers where it stands.   KEYS: cursor   ARGV: entry id
local function after(a, b)
  local a_ms, a_n = string.match(a, '^(%d+)-(%d+)$')
  local b_ms, b_n = string.match(b, '^(%d+)-(%d+)$')
  a_ms, a_n, b_ms, b_n = tonumber(a_ms), tonumber(a_n), tonumber(b_ms), tonumber(b_n)
  return a_ms > b_ms or (a_ms == b_ms and a_n > b_n)
end
local at = redis.call('GET', KEYS[1]) or '0-0'
if not after(ARGV[1], at) then return at end
redis.call('SET', KEYS[1], ARGV[1])
return ARGV[1]
