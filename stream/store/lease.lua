-- Takes or renews a lease; answers the fencing number, or nothing while another holds it.
-- KEYS: lease, fence   ARGV: owner, milliseconds
local held = redis.call('GET', KEYS[1])
if held then
  local fence, owner = string.match(held, '^(%d+) (.*)$')
  if owner ~= ARGV[1] then return false end
  redis.call('PEXPIRE', KEYS[1], ARGV[2])
  return tonumber(fence)
end
-- At least the server's clock: a store that lost its last writes, or came back from a copy, gives no number twice.
local now = redis.call('TIME')
local now_ms = tonumber(now[1]) * 1000 + math.floor(tonumber(now[2]) / 1000)
local fence = math.max(tonumber(redis.call('GET', KEYS[2]) or '0') + 1, now_ms)
local number = string.format('%.0f', fence)
redis.call('SET', KEYS[2], number)
redis.call('SET', KEYS[1], number .. ' ' .. ARGV[1], 'PX', ARGV[2])
return fence
