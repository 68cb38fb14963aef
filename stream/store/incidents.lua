-- Commits what the detector decided for one chunk of series: its state, incidents, their history, the outbox.
-- Everything is read and decided first and written last. A record is JSON that is copied, never parsed.
-- KEYS: lease, detector, outbox, open, opened, resolved, then the hash and the history of each incident
-- ARGV: fence, chunk, expected version, state, seconds that a resolved incident is kept, then for each event
--       number of its incident from 1, its id, type, at_ms, state, opened_at_s, text, record;
--       an empty type writes the record alone: nothing happened that anybody is told of
local CHUNK, TTL_S = ARGV[2], tonumber(ARGV[5])

local held = redis.call('GET', KEYS[1])
local fence = held and string.match(held, '^%d+')
if fence ~= ARGV[1] then
  local by = fence and 'held with ' .. fence or 'held by nobody'
  return redis.error_reply('FENCED the lease is ' .. by .. ', this commit has ' .. ARGV[1])
end
local version = redis.call('HGET', KEYS[2], 'v:' .. CHUNK) or '0'
if version ~= ARGV[3] then
  return redis.error_reply('CONFLICT ' .. CHUNK .. ' is at version ' .. version .. ', this commit follows ' .. ARGV[3])
end

local incidents = {}
for key = 7, #KEYS, 2 do
  local known = redis.call('HMGET', KEYS[key], 'seq', 'state')
  table.insert(incidents, {
    key = KEYS[key], history = KEYS[key + 1], seq = tonumber(known[1] or '0'), before = known[2], reopened = false,
  })
end
local events = {}
for i = 6, #ARGV, 8 do
  local incident = incidents[tonumber(ARGV[i])]
  incident.id, incident.state, incident.opened_at_s, incident.record = ARGV[i + 1], ARGV[i + 4], ARGV[i + 5], ARGV[i + 7]
  if ARGV[i + 2] == 'reopened' then incident.reopened = true end
  if ARGV[i + 2] ~= '' then
    incident.seq = incident.seq + 1
    table.insert(events, {
      history = incident.history, id = ARGV[i + 1], seq = incident.seq, type = ARGV[i + 2], at_ms = ARGV[i + 3],
      actor = '', text = ARGV[i + 6], record = ARGV[i + 7],
    })
  end
end
local now_s = tonumber(redis.call('TIME')[1])
local gone = redis.call('ZRANGEBYSCORE', KEYS[6], '-inf', now_s - TTL_S, 'LIMIT', 0, 100)

-- A key of another type would stop the script between its writes: asked of those that were not read above.
for _, incident in ipairs(incidents) do redis.call('XLEN', incident.history) end
redis.call('XLEN', KEYS[3])
redis.call('ZCARD', KEYS[4])
redis.call('ZCARD', KEYS[5])

local written = redis.call('HINCRBY', KEYS[2], 'v:' .. CHUNK, 1)
redis.call('HSET', KEYS[2], 's:' .. CHUNK, ARGV[4])
for _, event in ipairs(events) do append_event(event.history, KEYS[3], event) end
for _, id in ipairs(gone) do
  redis.call('ZREM', KEYS[5], id)
  redis.call('ZREM', KEYS[6], id)
end
for _, incident in ipairs(incidents) do
  redis.call('HSET', incident.key, 'record', incident.record, 'state', incident.state, 'seq', incident.seq)
  redis.call('ZADD', KEYS[5], incident.opened_at_s, incident.id)
  -- Somebody has to look again: an acknowledgement holds until the incident is resolved and comes back.
  if incident.reopened then redis.call('HDEL', incident.key, 'acknowledged_by', 'acknowledged_at_ms') end
  if incident.state ~= 'resolved' then
    redis.call('ZADD', KEYS[4], incident.opened_at_s, incident.id)
    redis.call('ZREM', KEYS[6], incident.id)
    redis.call('PERSIST', incident.key)
    redis.call('PERSIST', incident.history)
  elseif incident.before ~= 'resolved' or incident.reopened then
    redis.call('ZREM', KEYS[4], incident.id)
    redis.call('ZADD', KEYS[6], now_s, incident.id)
    redis.call('EXPIRE', incident.key, TTL_S)
    redis.call('EXPIRE', incident.history, TTL_S)
  end
end
return written
