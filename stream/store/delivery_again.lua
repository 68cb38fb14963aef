-- Puts a dead delivery back in line, with its id and its bytes. Returns 0 where it is not dead.
-- KEYS: delivery, its attempts, due set, counts, dead   ARGV: id, now (ms)
if redis.call('HGET', KEYS[1], 'state') ~= 'dead' then return 0 end

redis.call('HSET', KEYS[1], 'state', 'pending', 'tries', 0, 'next_ms', ARGV[2], 'wait_ms', 0)
redis.call('PERSIST', KEYS[1])
redis.call('PERSIST', KEYS[2])
redis.call('ZREM', KEYS[5], ARGV[1])
redis.call('ZADD', KEYS[3], ARGV[2], ARGV[1])
redis.call('HINCRBY', KEYS[4], 'pending', 1)
return 1
