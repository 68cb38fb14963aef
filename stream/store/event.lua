-- One event, in the incident's history and in the outbox alike; an empty actor or text is left out.
local function append_event(history, outbox, event)
  local entry = {'id', event.id, 'seq', event.seq, 'type', event.type, 'at_ms', event.at_ms, 'record', event.record}
  for _, name in ipairs({'actor', 'text'}) do
    if event[name] ~= '' then
      table.insert(entry, name)
      table.insert(entry, event[name])
    end
  end
  redis.call('XADD', history, '*', unpack(entry))
  redis.call('XADD', outbox, '*', unpack(entry))
end
