-- Notes how far a member has taken the log, and trims what every member has.
-- KEYS[1] hash    conversation state
-- KEYS[2] stream  conversation log
-- ARGV[1] integer member
-- ARGV[2] integer seq up to which it has everything
-- Returns integer: the oldest seq kept; 0 if the member is none.
local own = 'm' .. ARGV[1]
local found = redis.call('HMGET', KEYS[1], 'v', 'n', own, 'm0', 'm1', 'm2')
if not found[3] then
  return 0
end
local last, epoch, first, bytes, renewed = struct.unpack('>I8I8I8I8I8', found[1])
local seq = math.min(tonumber(ARGV[2]), last)
if seq <= struct.unpack('>I8', found[3]) then
  return first
end
local least = seq
local function consider(name, record)
  if record and name ~= own then
    least = math.min(least, (struct.unpack('>I8', record)))
  end
end
for number = 0, math.min(tonumber(found[2]), 3) - 1 do
  consider('m' .. number, found[4 + number])
end
for number = 3, tonumber(found[2]) - 1 do
  consider('m' .. number, redis.call('HGET', KEYS[1], 'm' .. number))
end
local record = struct.pack('>I8', seq) .. string.sub(found[3], 9)
if least < first then
  redis.call('HSET', KEYS[1], own, record)
  return first
end
-- What is left is taken for as large, entry by entry, as what has gone.
bytes = math.floor(bytes * (last - least) / (last - first + 1))
if least == last then
  redis.call('DEL', KEYS[2])
else
  redis.call('XTRIM', KEYS[2], 'MINID', string.format('%.0f-0', least + 1))
end
redis.call('HSET', KEYS[1], own, record,
  'v', struct.pack('>I8I8I8I8I8', last, epoch, least + 1, bytes, renewed))
return least + 1
