-- Drops the oldest entries of the outbox that every cursor is past; answers how many.
-- KEYS: outbox, cursors   ARGV: entries that stay in any case, most to drop at once
local function id(text)
  local ms, n = string.match(text, '^(%d+)-(%d+)$')
  return tonumber(ms), tonumber(n)
end
local length = redis.call('XLEN', KEYS[1])
local surplus = math.min(length - tonumber(ARGV[1]), tonumber(ARGV[2]))
if surplus <= 0 then return 0 end
local least_ms, least_n
for i = 2, #KEYS do
  local ms, n = id(redis.call('GET', KEYS[i]) or '0-0')
  if not least_ms or ms < least_ms or (ms == least_ms and n < least_n) then least_ms, least_n = ms, n end
end
local drop = 0
for _, entry in ipairs(redis.call('XRANGE', KEYS[1], '-', '+', 'COUNT', surplus)) do
  local ms, n = id(entry[1])
  if ms > least_ms or (ms == least_ms and n > least_n) then break end
  drop = drop + 1
end
if drop > 0 then redis.call('XTRIM', KEYS[1], 'MAXLEN', '=', length - drop) end
return drop
