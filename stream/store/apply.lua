-- Applies one batch of records: each offset once, each document once, each story once per series.
-- Everything is read and decided first and written last: what can go wrong goes wrong before the first write.
-- KEYS: applied, totals   ARGV: key prefix, batch (MessagePack, see apply.py)
local prefix = ARGV[1]
local batch = cmsgpack.unpack(ARGV[2])
local WINDOWS, ID_DAYS = batch.windows, batch.id_days
local DAY_S, SPAN_S = 86400, batch.story_span_s

-- A store that lost its last writes (or was restored from a copy) is behind what this worker applied.
local applied = {}
for i, part in ipairs(batch.parts) do
  local at = tonumber(redis.call('HGET', KEYS[1], part[1]) or '-1')
  if at < part[2] then
    return redis.error_reply('BEHIND ' .. part[1] .. ' is at ' .. at .. ', this worker applied ' .. part[2])
  end
  applied[i] = at
end

local counts = {records = 0, aggregated = 0, duplicates = 0, dead_letters = 0, redelivered = 0, scored = 0, late = 0,
                stories = 0}
local function count(name) counts[name] = counts[name] + 1 end

local ids_new, ids_sets = {}, {}
local function known(doc)
  if ids_new[doc.id] then return true end
  for _, shift in ipairs(ID_DAYS) do
    if redis.call('SISMEMBER', prefix .. 'ids:' .. (doc.day + shift) .. ':' .. doc.slot, doc.id) == 1 then
      return true
    end
  end
  ids_new[doc.id] = true
  local set = prefix .. 'ids:' .. doc.day .. ':' .. doc.slot
  ids_sets[set] = ids_sets[set] or {}
  table.insert(ids_sets[set], doc.id)
  return false
end

-- story: {first event second, label, score, copies, 6-character hashes of the series that counted it}
local story_cache, story_changed = {}, {}
local function story_at(day, id)
  local days = story_cache[day]
  if not days then days = {}; story_cache[day] = days end
  if days[id] == nil then
    local packed = redis.call('HGET', prefix .. 'stories:' .. day, id)
    days[id] = packed and cmsgpack.unpack(packed) or false
  end
  return days[id]
end

local function story_of(doc)
  local day = math.floor(doc.event_s / DAY_S)
  for _, shift in ipairs({0, -1, 1}) do
    local story = story_at(day + shift, doc.story)
    if story and math.abs(doc.event_s - story[1]) < SPAN_S then
      story[4] = story[4] + 1
      story_changed[(day + shift) .. ' ' .. doc.story] = {day + shift, doc.story, story}
      return story, false
    end
  end
  local story = {doc.event_s, doc.label, doc.score, 1, ''}
  story_cache[day][doc.story] = story
  story_changed[day .. ' ' .. doc.story] = {day, doc.story, story}
  return story, true
end

local sums, touched = {}, {}
local function add(window, series, measure, n)
  if n == 0 then return end
  local fields = sums[window]
  if not fields then fields = {}; sums[window] = fields; table.insert(touched, window) end
  local field = series .. '|' .. measure
  fields[field] = (fields[field] or 0) + n
end

local function has(hashes, hash)
  for i = 1, #hashes, 6 do
    if string.sub(hashes, i, i + 5) == hash then return true end
  end
  return false
end

local latest, newest_received_ms, newest_event_s = {}, 0, 0
local function aggregate(doc)
  local story, first = story_of(doc)
  local minute = doc.event_s - doc.event_s % 60
  for _, index in ipairs(doc.series) do
    local series, hash = batch.series[index][1], batch.series[index][2]
    add(minute, series, 'd', 1)
    if doc.late then add(minute, series, 'l', 1) end
    if not has(story[5], hash) then
      story[5] = story[5] .. hash
      add(minute, series, batch.labels[story[2]], 1)
      if doc.late then add(minute, series, 't', 1) end
      if doc.late and batch.labels[story[2]] == 'n' then add(minute, series, 'k', 1) end
      add(minute, series, 'x', story[3])
    end
  end
  if doc.late then count('late') end
  if first then
    count('stories')
    local day = math.floor(doc.event_s / DAY_S)
    latest[day] = latest[day] or {}
    table.insert(latest[day], doc.event_s)
    table.insert(latest[day], doc.latest)
  end
  newest_received_ms = math.max(newest_received_ms, doc.received_ms)
  newest_event_s = math.max(newest_event_s, doc.event_s)
end

for _, record in ipairs(batch.records) do
  local part, offset, doc = record[1], record[2], record[3]
  if offset <= applied[part] then
    count('redelivered')
  else
    applied[part] = offset
    count('records')
    if not doc then
      count('dead_letters')
    else
      count('scored')
      if known(doc) then
        count('duplicates')
      else
        count('aggregated')
        aggregate(doc)
      end
    end
  end
end

for i, part in ipairs(batch.parts) do redis.call('HSET', KEYS[1], part[1], applied[i]) end
for set, members in pairs(ids_sets) do
  redis.call('SADD', set, unpack(members))
  redis.call('EXPIRE', set, batch.id_ttl_s)
end
local story_days = {}
for _, change in pairs(story_changed) do
  redis.call('HSET', prefix .. 'stories:' .. change[1], change[2], cmsgpack.pack(change[3]))
  story_days[change[1]] = true
end
for day in pairs(story_days) do redis.call('EXPIRE', prefix .. 'stories:' .. day, batch.story_ttl_s) end
for _, window in ipairs(WINDOWS) do
  local width, ttl, keys = window[1], window[2], {}
  for _, minute in ipairs(touched) do
    local key = prefix .. 'w:' .. width .. ':' .. (minute - minute % width)
    keys[key] = true
    for field, n in pairs(sums[minute]) do redis.call('HINCRBY', key, field, n) end
  end
  for key in pairs(keys) do redis.call('EXPIRE', key, ttl) end
end
for day, rows in pairs(latest) do
  local key = prefix .. 'latest:' .. day
  for i = 1, #rows, 2 do redis.call('ZADD', key, rows[i], rows[i + 1]) end
  redis.call('ZREMRANGEBYRANK', key, 0, -batch.latest_most - 1)
  redis.call('EXPIRE', key, batch.latest_ttl_s)
end
for name, n in pairs(counts) do
  if n > 0 then redis.call('HINCRBY', KEYS[2], name, n) end
end
for name, value in pairs({newest_received_ms = newest_received_ms, newest_event_s = newest_event_s}) do
  if value > tonumber(redis.call('HGET', KEYS[2], name) or '0') then redis.call('HSET', KEYS[2], name, value) end
end
return {counts.aggregated, counts.duplicates, counts.dead_letters, counts.redelivered}
