-- Ends one membership; the last to leave takes the conversation along. Of staff it is noted who was in it, until it is gone.
-- KEYS[1] hash    conversation state
-- KEYS[2] stream  conversation log
-- ARGV[1] integer member
-- ARGV[2] integer 1: staff who leave are noted; 0: they are not
-- Returns {members left, devices, h}; {-1} if it was no member. Of the survivor: the staff devices that are with her and
-- then those noted, joined, none before the first commit, and the SHA-256 of her capability. Of staff both are empty.
local state, gone = KEYS[1], ARGV[1]
local v = redis.call('HGET', state, 'v')
if redis.call('HDEL', state, 'm' .. gone) == 0 then
  return {-1}
end
local last, epoch, first, bytes, renewed = struct.unpack('>I8I8I8I8I8', v)
local fields = redis.call('HGETALL', state)
local left, least = 0, last
local inside, noted = '', ''
for i = 1, #fields, 2 do
  local name, value = fields[i], fields[i + 1]
  local kind, device = string.sub(name, 1, 2), string.sub(name, 3)
  if kind == 'd:' and value == gone then
    redis.call('HDEL', state, name)
    -- Before the first commit it was a claim.
    if epoch > 0 and ARGV[2] ~= '0' then
      redis.call('HSET', state, 'p:' .. device, '')
    end
  elseif kind == 'd:' then
    inside = inside .. device
  elseif kind == 'p:' then
    noted = noted .. device
  elseif string.match(name, '^m%d+$') then
    left = left + 1
    least = math.min(least, (struct.unpack('>I8', value)))
  end
end
local devices, hash = '', ''
if gone == '0' then
  hash = redis.call('HGET', state, 'h') or ''
  -- Before the first commit she has not met anybody.
  devices = epoch > 0 and inside .. noted or ''
end
if left == 0 then
  redis.call('DEL', state, KEYS[2])
elseif least >= first then
  redis.call('XTRIM', KEYS[2], 'MINID', string.format('%.0f-0', least + 1))
  bytes = math.floor(bytes * (last - least) / (last - first + 1))
  redis.call('HSET', state, 'v', struct.pack('>I8I8I8I8I8', last, epoch, least + 1, bytes, renewed))
end
return {left, devices, hash}
