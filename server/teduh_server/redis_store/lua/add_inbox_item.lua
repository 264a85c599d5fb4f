-- Invites a device into a conversation; the same invitation again is the same item.
-- KEYS[1] hash    inbox state
-- KEYS[2] stream  inbox items
-- ARGV[1] bytes   device id
-- ARGV[2] bytes   conversation id
-- ARGV[3] integer after: the next entry is the Welcome
-- ARGV[4] integer retention, milliseconds
-- Returns integer seq of the item.
local known = redis.call('HGET', KEYS[1], 'c:' .. ARGV[2])
local last = tonumber(redis.call('HGET', KEYS[1], 's') or 0)
if known ~= ARGV[3] then
  last = last + 1
  redis.call('HSET', KEYS[1], 's', last, 'c:' .. ARGV[2], ARGV[3])
  redis.call('XADD', KEYS[2], string.format('%.0f-0', last), 'c', ARGV[2], 'after', ARGV[3])
end
redis.call('PEXPIRE', KEYS[1], ARGV[4])
redis.call('PEXPIRE', KEYS[2], ARGV[4])
redis.call('PUBLISH', 'nodes', '\003' .. ARGV[1])
return last
