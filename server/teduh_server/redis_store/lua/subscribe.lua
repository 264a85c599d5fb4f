-- Proves a member and registers its node as one that holds subscribers.
-- KEYS[1] hash    conversation state
-- KEYS[2] stream  conversation log
-- KEYS[3] set     nodes that hold subscribers
-- ARGV[1] string  'capability' or 'device'
-- ARGV[2] bytes   SHA-256 of the capability, or the device id
-- ARGV[3] bytes   the conversation id, raw
-- ARGV[4] string  id of the calling node
-- ARGV[5] integer now, milliseconds
-- ARGV[6] integer retention, milliseconds
-- Returns {} if there is no such member, else
--   {member, epoch, last seq, first seq kept, its counter, may read after, other nodes 0|1}
local state = KEYS[1]
local h, e, s, f = unpack(redis.call('HMGET', state, 'h', 'e', 's', 'f'))
if not h then
  return {}
end
local member = false
if ARGV[1] == 'device' then
  member = redis.call('HGET', state, 'd:' .. ARGV[2])
elseif h == ARGV[2] then
  member = '0'
end
if not member then
  return {}
end
local a, c, r = unpack(redis.call('HMGET', state, 'a' .. member, 'c' .. member, 'r' .. member))
if not a then
  return {}
end
if redis.call('SADD', KEYS[3], ARGV[4]) == 1 then
  for _, node in ipairs(redis.call('SMEMBERS', KEYS[3])) do
    if node ~= ARGV[4] then
      redis.call('PUBLISH', 'node:' .. node, '\002' .. ARGV[3])
    end
  end
end
redis.call('HSET', state, 'x', ARGV[5])
redis.call('PEXPIRE', state, ARGV[6])
redis.call('PEXPIRE', KEYS[2], ARGV[6] + 60000)
redis.call('PEXPIRE', KEYS[3], ARGV[6] + 60000)
return {tonumber(member), tonumber(e), tonumber(s), tonumber(f), tonumber(c), tonumber(r),
  redis.call('SCARD', KEYS[3]) > 1 and 1 or 0}
