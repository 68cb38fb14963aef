-- What a person does to an incident; answers 1 where it was done.
-- KEYS: incident, history, outbox   ARGV: incident id, type (acknowledged, commented), at_ms, actor, text
local TYPE, AT_MS, ACTOR = ARGV[2], ARGV[3], ARGV[4]
local known = redis.call('HMGET', KEYS[1], 'record', 'state', 'seq', 'acknowledged_by')
local record, state, seq, acknowledged_by = known[1], known[2], known[3], known[4]
if not record then return 0 end
if TYPE == 'acknowledged' and (state == 'resolved' or acknowledged_by) then return 0 end
redis.call('XLEN', KEYS[2])  -- a key of another type stops the script here, before its first write
redis.call('XLEN', KEYS[3])

if TYPE == 'acknowledged' then
  redis.call('HSET', KEYS[1], 'acknowledged_by', ACTOR, 'acknowledged_at_ms', AT_MS)
end
redis.call('HSET', KEYS[1], 'seq', tonumber(seq) + 1)
append_event(KEYS[2], KEYS[3], {
  id = ARGV[1], seq = tonumber(seq) + 1, type = TYPE, at_ms = AT_MS, actor = ACTOR, text = ARGV[5], record = record,
})
return 1
