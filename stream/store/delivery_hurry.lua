-- Makes deliveries of one endpoint due at these instants; what has ended, or left the line, stays as it is.
-- KEYS: due set, then each delivery   ARGV: id and when (ms) of each
for n = 1, #ARGV / 2 do
  local id, at = ARGV[2 * n - 1], ARGV[2 * n]
  if redis.call('ZSCORE', KEYS[1], id) and redis.call('HGET', KEYS[1 + n], 'state') == 'pending' then
    redis.call('ZADD', KEYS[1], at, id)
    redis.call('HSET', KEYS[1 + n], 'next_ms', string.match(at, '^%d+'), 'wait_ms', 0)
  end
end
return 1
