-- Invites a device into a conversation; the same invitation again is the same item.
-- KEYS[1] hash    inbox state
-- KEYS[2] stream  inbox items
-- ARGV[1] bytes   conversation id
-- ARGV[2] integer after: the next entry is the Welcome
-- ARGV[3] integer retention, milliseconds
-- Returns integer seq of the item.
local known = redis.call('HGET', KEYS[1], 'c:' .. ARGV[1])
local last = tonumber(redis.call('HGET', KEYS[1], 's') or 0)
if known ~= ARGV[2] then
  last = last + 1
  redis.call('HSET', KEYS[1], 's', last, 'c:' .. ARGV[1], ARGV[2])
  redis.call('XADD', KEYS[2], string.format('%.0f-0', last), 'c', ARGV[1], 'after', ARGV[2])
end
redis.call('PEXPIRE', KEYS[1], ARGV[3])
redis.call('PEXPIRE', KEYS[2], ARGV[3])
return last
