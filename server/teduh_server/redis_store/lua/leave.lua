-- Ends one membership; the last to leave takes the conversation along.
-- KEYS[1] hash    conversation state
-- KEYS[2] stream  conversation log
-- KEYS[3] set     nodes that hold subscribers
-- ARGV[1] integer member
-- Returns integer: how many members are left, -1 if it was none.
local state, gone = KEYS[1], ARGV[1]
local n, s, f, b = unpack(redis.call('HMGET', state, 'n', 's', 'f', 'b'))
if not n or redis.call('HDEL', state, 'a' .. gone) == 0 then
  return -1
end
redis.call('HDEL', state, 'r' .. gone, 'c' .. gone, 'p' .. gone)
local fields = redis.call('HGETALL', state)
local left, least = 0, tonumber(s)
for i = 1, #fields, 2 do
  local name, value = fields[i], fields[i + 1]
  if string.sub(name, 1, 2) == 'd:' and value == gone then
    redis.call('HDEL', state, name)
  elseif string.match(name, '^a%d+$') then
    left = left + 1
    least = math.min(least, tonumber(value))
  end
end
if left == 0 then
  redis.call('DEL', state, KEYS[2], KEYS[3])
elseif least >= tonumber(f) then
  redis.call('XTRIM', KEYS[2], 'MINID', string.format('%.0f-0', least + 1))
  local share = (tonumber(s) - least) / (tonumber(s) - tonumber(f) + 1)
  redis.call('HSET', state, 'f', least + 1, 'b', math.floor(tonumber(b) * share))
end
return left
