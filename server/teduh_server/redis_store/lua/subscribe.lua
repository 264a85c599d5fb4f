-- Proves a member and registers its node as one that holds subscribers.
-- KEYS[1] hash    conversation state
-- KEYS[2] stream  conversation log
-- ARGV[1] string  'capability' or 'device'
-- ARGV[2] bytes   SHA-256 of the capability, or the device id
-- ARGV[3] bytes   the conversation id, raw
-- ARGV[4] string  id of the calling node
-- ARGV[5] integer now, milliseconds
-- ARGV[6] integer retention, milliseconds
-- ARGV[7] integer how long it lasts before the first commit unless it is kept, milliseconds
-- Returns {} if there is no such member, else
--   {member, epoch, last seq, first seq kept, its counter, may read after, other nodes 0|1,
--    whether the survivor is a member 0|1, when staff were last heard of in milliseconds or 0,
--    who is to be invited: 'i' of the state, or empty}
local state = KEYS[1]
local h, v, nodes, seen, lags = unpack(redis.call('HMGET', state, 'h', 'v', 'o', 's', 't'))
if not h then
  return {}
end
local member = false
if ARGV[1] == 'device' then
  member = redis.call('HGET', state, 'd:' .. ARGV[2])
elseif h == ARGV[2] then
  member = '0'
end
if member and lags then
  v = reconcile(state, KEYS[2], v)
end
local record = member and redis.call('HGET', state, 'm' .. member)
if not record then
  return {}
end
local last, epoch, first, bytes = struct.unpack('>I8I8I8I8', v)
local _, counter, _, after = struct.unpack('>I8I8I8I8', record)
nodes = nodes or ''
if not string.find(nodes, ARGV[4], 1, true) then
  for at = 1, #nodes, 16 do
    publish_to_node(string.sub(nodes, at, at + 15), '\002' .. ARGV[3])
  end
  nodes = nodes .. ARGV[4]
end
redis.call('HSET', state, 'o', nodes, 'v', struct.pack('>I8I8I8I8I8', last, epoch, first, bytes, tonumber(ARGV[5])))
local lasts = epoch > 0 and ARGV[6] or ARGV[7]
redis.call('PEXPIRE', state, lasts)
redis.call('PEXPIRE', KEYS[2], lasts + 60000)
local survivor = redis.call('HEXISTS', state, 'm0')
if seen and ARGV[1] == 'device' then
  -- Staff are here now.
  redis.call('HDEL', state, 's')
  seen = 0
end
return {tonumber(member), epoch, last, first, counter, after, #nodes > 16 and 1 or 0, survivor, tonumber(seen or 0),
  redis.call('HGET', state, 'i') or ''}
