-- Fans one event out and moves the cursor past it: both, or neither. What exists already stays as it is.
-- KEYS: cursor, counts, the incident's deliveries, then delivery and due set of each endpoint
-- ARGV: cursor expected, cursor after, due (ms), created (ms), lifetime (s), event id, incident id, type, seq, body,
--       then id and name of each endpoint
local at = redis.call('GET', KEYS[1]) or '0-0'
if at ~= ARGV[1] then
  return redis.error_reply('PASSED the cursor is at ' .. at .. ', expected ' .. ARGV[1])
end
local fresh = {}
for n = 1, (#ARGV - 10) / 2 do
  if redis.call('EXISTS', KEYS[2 + 2 * n]) == 0 then table.insert(fresh, n) end
end

for _, n in ipairs(fresh) do
  local id, endpoint = ARGV[9 + 2 * n], ARGV[10 + 2 * n]
  redis.call('HSET', KEYS[2 + 2 * n], 'endpoint', endpoint, 'event', ARGV[6], 'incident', ARGV[7], 'type', ARGV[8],
             'seq', ARGV[9], 'body', ARGV[10], 'state', 'pending', 'tries', 0, 'created_ms', ARGV[4],
             'next_ms', ARGV[4], 'wait_ms', 0, 'entry', ARGV[2])
  redis.call('ZADD', KEYS[3 + 2 * n], ARGV[3], id)
  redis.call('ZADD', KEYS[3], ARGV[9], id)
end
if #fresh > 0 then
  redis.call('EXPIRE', KEYS[3], ARGV[5])
  redis.call('HINCRBY', KEYS[2], 'pending', #fresh)
end
redis.call('SET', KEYS[1], ARGV[2])
return #fresh
