-- Invites a device into a conversation; the same invitation again is the same item.
-- KEYS[1] hash    inbox state
-- KEYS[2] stream  inbox items
-- ARGV[1] bytes   conversation id
-- ARGV[2] integer after: the next entry is the Welcome
-- ARGV[3] integer retention, milliseconds
-- Returns integer seq of the item: the store's time in milliseconds, or one more than the item's before. A counter would
-- have to stay when all that it has counted is forgotten.
local known = redis.call('HGET', KEYS[1], 'c:' .. ARGV[1])
local last = tonumber(redis.call('HGET', KEYS[1], 's') or 0)
if known ~= ARGV[2] then
  local time = redis.call('TIME')
  last = math.max(last + 1, time[1] * 1000 + math.floor(time[2] / 1000))
  local seq = string.format('%.0f', last)
  redis.call('HSET', KEYS[1], 's', seq, 'c:' .. ARGV[1], ARGV[2])
  redis.call('XADD', KEYS[2], seq .. '-0', 'c', ARGV[1], 'after', ARGV[2])
end
redis.call('PEXPIRE', KEYS[1], ARGV[3])
redis.call('PEXPIRE', KEYS[2], ARGV[3])
return last
