-- Forgets that a device was invited into a conversation, which it leaves or from which it was removed.
-- KEYS[1] hash    inbox state
-- KEYS[2] stream  inbox items
-- ARGV[1] bytes   conversation id
-- ARGV[2] integer seq: an invitation whose `after` is not below it came later, and stays
-- Returns integer: 1 if something was forgotten, else 0.
local after = redis.call('HGET', KEYS[1], 'c:' .. ARGV[1])
if not after or tonumber(after) >= tonumber(ARGV[2]) then
  return 0
end
-- The newest item's seq goes too, for it is the time of an invitation. The next seq is a time again, so a later one.
redis.call('HDEL', KEYS[1], 'c:' .. ARGV[1], 's')
-- XDEL and XTRIM only mark an entry, whose bytes stay until its whole block goes: so the stream is written anew.
local items = redis.call('XRANGE', KEYS[2], '-', '+')
local expires = redis.call('PTTL', KEYS[2])
redis.call('DEL', KEYS[2])
for _, item in ipairs(items) do
  if item[2][2] ~= ARGV[1] then
    redis.call('XADD', KEYS[2], item[1], unpack(item[2]))
    redis.call('HSET', KEYS[1], 's', string.match(item[1], '^%d+'))
    redis.call('PEXPIRE', KEYS[2], expires)
  end
end
return 1
