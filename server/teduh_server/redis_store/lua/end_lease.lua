-- Takes the membership back from a claimant whose first commit did not come in time.
-- KEYS[1] hash    conversation state
-- KEYS[2] set     nodes that hold subscribers
-- ARGV[1] bytes   device id
-- ARGV[2] bytes   the conversation id, raw
-- Returns {'gone'} if there is no such conversation, {'settled'} if a commit was accepted, so that the lease has
--   become a membership; else {'ended', member or -1}.
local e = redis.call('HGET', KEYS[1], 'e')
if not e then
  return {'gone'}
end
if e ~= '0' then
  return {'settled'}
end
local number = redis.call('HGET', KEYS[1], 'd:' .. ARGV[1])
if not number then
  return {'ended', -1}
end
redis.call('HDEL', KEYS[1], 'd:' .. ARGV[1], 'a' .. number, 'r' .. number, 'c' .. number, 'p' .. number, 'l')
for _, node in ipairs(redis.call('SMEMBERS', KEYS[2])) do
  redis.call('PUBLISH', 'node:' .. node, '\001' .. ARGV[2] .. struct.pack('>I4', tonumber(number)))
end
return {'ended', tonumber(number)}
