-- Writes down one attempt and what follows from it. A delivery that has ended already stays as it is.
-- KEYS: delivery, its attempts, due set, counts, dead, gone
-- ARGV: id, attempt (JSON), most attempts, state, next (ms), now (ms), lifetime (s), endpoint, gone (JSON or '')
local state = redis.call('HGET', KEYS[1], 'state')
if state ~= 'pending' then return 0 end

redis.call('RPUSH', KEYS[2], ARGV[2])
redis.call('LTRIM', KEYS[2], -tonumber(ARGV[3]), -1)
redis.call('HINCRBY', KEYS[1], 'tries', 1)
if ARGV[9] ~= '' then redis.call('HSET', KEYS[6], ARGV[8], ARGV[9]) end
if ARGV[4] == 'pending' then
  redis.call('HSET', KEYS[1], 'next_ms', ARGV[5], 'wait_ms', ARGV[5] - ARGV[6])
  redis.call('ZADD', KEYS[3], ARGV[5], ARGV[1])
  return 1
end
redis.call('HSET', KEYS[1], 'state', ARGV[4])
redis.call('HDEL', KEYS[1], 'next_ms')
redis.call('ZREM', KEYS[3], ARGV[1])
redis.call('HINCRBY', KEYS[4], 'pending', -1)
if ARGV[4] == 'delivered' then
  redis.call('HDEL', KEYS[1], 'body')
  redis.call('HINCRBY', KEYS[4], 'delivered', 1)
else
  redis.call('ZADD', KEYS[5], ARGV[6], ARGV[1])
  redis.call('ZREMRANGEBYSCORE', KEYS[5], '-inf', ARGV[6] - ARGV[7] * 1000)
end
redis.call('EXPIRE', KEYS[1], ARGV[7])
redis.call('EXPIRE', KEYS[2], ARGV[7])
return 1
