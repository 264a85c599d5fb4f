-- Notes how far a member has taken the log, and trims what every member has.
-- KEYS[1] hash    conversation state
-- KEYS[2] stream  conversation log
-- ARGV[1] integer member
-- ARGV[2] integer seq up to which it has everything
-- Returns integer: the oldest seq kept; 0 if the member is none.
local a, s, f, n, b = unpack(redis.call('HMGET', KEYS[1], 'a' .. ARGV[1], 's', 'f', 'n', 'b'))
if not a then
  return 0
end
local seq, last, first = math.min(tonumber(ARGV[2]), tonumber(s)), tonumber(s), tonumber(f)
if seq <= tonumber(a) then
  return first
end
redis.call('HSET', KEYS[1], 'a' .. ARGV[1], seq)
local names = {}
for number = 0, tonumber(n) - 1 do
  names[#names + 1] = 'a' .. number
end
local least = seq
for _, value in ipairs(redis.call('HMGET', KEYS[1], unpack(names))) do
  if value and tonumber(value) < least then
    least = tonumber(value)
  end
end
if least >= first then
  redis.call('XTRIM', KEYS[2], 'MINID', string.format('%.0f-0', least + 1))
  -- What is left is taken for as large, entry by entry, as what has gone.
  local left = tonumber(b) * (last - least) / (last - first + 1)
  redis.call('HSET', KEYS[1], 'f', least + 1, 'b', math.floor(left))
  first = least + 1
end
return first
