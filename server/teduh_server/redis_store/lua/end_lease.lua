-- Takes the membership back from a claimant whose first commit did not come in time; or, in a conversation that goes
-- on, the right to be added.
-- KEYS[1] hash    conversation state
-- ARGV[1] bytes   device id
-- ARGV[2] bytes   the conversation id, raw
-- ARGV[3] integer 1 if the conversation goes on, else 0
-- Returns {'gone'} if there is no such conversation, {'confirmed'} if a commit was accepted, so that the lease has
--   become a membership, or that brought the device in; else {'ended', member or -1}.
local v, number, nodes, claimant = unpack(redis.call('HMGET', KEYS[1], 'v', 'd:' .. ARGV[1], 'o', 'c'))
if not v then
  return {'gone'}
end
if claimant == ARGV[1] then
  redis.call('HDEL', KEYS[1], 'c')
  return number and {'confirmed'} or {'ended', -1}
end
local _, epoch = struct.unpack('>I8I8', v)
if epoch ~= 0 and ARGV[3] == '1' and not number then
  -- It was taken by a node that came no further: nobody was named, and nobody brought in.
  return {'ended', -1}
end
if epoch ~= 0 then
  return {'confirmed'}
end
if not number then
  return {'ended', -1}
end
redis.call('HDEL', KEYS[1], 'd:' .. ARGV[1], 'm' .. number, 'l')
nodes = nodes or ''
for at = 1, #nodes, 16 do
  publish_to_node(string.sub(nodes, at, at + 15), '\001' .. ARGV[2] .. struct.pack('>I4', tonumber(number)))
end
return {'ended', tonumber(number)}
