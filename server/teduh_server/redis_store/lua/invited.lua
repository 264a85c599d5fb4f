-- Notes that the devices that a commit has added are invited.
-- KEYS[1] hash    conversation state
-- ARGV[1] integer seq of the commit
-- Returns integer: how many bytes of `i` are left.
local waiting, place, left = redis.call('HGET', KEYS[1], 'i'), struct.pack('>I8', tonumber(ARGV[1])), {}
if not waiting then
  return 0
end
for at = 1, #waiting, 40 do
  if string.sub(waiting, at, at + 7) ~= place then
    left[#left + 1] = string.sub(waiting, at, at + 39)
  end
end
if #left == 0 then
  redis.call('HDEL', KEYS[1], 'i')
else
  redis.call('HSET', KEYS[1], 'i', table.concat(left))
end
return 40 * #left
