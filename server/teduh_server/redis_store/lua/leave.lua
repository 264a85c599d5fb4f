-- Ends one membership; the last to leave takes the conversation along.
-- KEYS[1] hash    conversation state
-- KEYS[2] stream  conversation log
-- ARGV[1] integer member
-- Returns integer: how many members are left, -1 if it was none.
local state, gone = KEYS[1], ARGV[1]
if redis.call('HDEL', state, 'm' .. gone) == 0 then
  return -1
end
local last, epoch, first, bytes, renewed = struct.unpack('>I8I8I8I8I8', redis.call('HGET', state, 'v'))
local fields = redis.call('HGETALL', state)
local left, least = 0, last
for i = 1, #fields, 2 do
  local name, value = fields[i], fields[i + 1]
  if string.sub(name, 1, 2) == 'd:' and value == gone then
    redis.call('HDEL', state, name)
  elseif string.match(name, '^m%d+$') then
    left = left + 1
    least = math.min(least, (struct.unpack('>I8', value)))
  end
end
if left == 0 then
  redis.call('DEL', state, KEYS[2])
elseif least >= first then
  redis.call('XTRIM', KEYS[2], 'MINID', string.format('%.0f-0', least + 1))
  bytes = math.floor(bytes * (last - least) / (last - first + 1))
  redis.call('HSET', state, 'v', struct.pack('>I8I8I8I8I8', last, epoch, least + 1, bytes, renewed))
end
return left
