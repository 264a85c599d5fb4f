-- Moves a request that waits to another place in the order of service: its turn has come among those of its source, or another
-- one goes first.
-- KEYS[1] zset    waiting, by place in the order of service
-- KEYS[2] hash    request
-- ARGV[1] string  conversation id, hexadecimal
-- ARGV[2] integer seconds by which it is held back; less than 0: by which it comes forward
-- ARGV[3] integer head start by urgency, seconds: it stands no later than what is opened now with that; empty: wherever that is
-- Returns integer 1 if it waits, else 0.
local place = redis.call('ZSCORE', KEYS[1], ARGV[1])
if not place then
  return 0
end
place = place + ARGV[2] * 1000000
if ARGV[3] ~= '' then
  local time = redis.call('TIME')
  place = math.min(place, time[1] * 1000000 + time[2] - ARGV[3] * 1000000)
end
local written = string.format('%.0f', place)
redis.call('ZADD', KEYS[1], written, ARGV[1])
redis.call('HSET', KEYS[2], 'place', written)
return 1
