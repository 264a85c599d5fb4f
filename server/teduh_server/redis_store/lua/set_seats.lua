-- A person says how many conversations more she takes; what was taken before does not count any more.
-- KEYS[1] hash    seats
-- ARGV[1] bytes   the person
-- ARGV[2] integer seats
-- ARGV[3] integer retention, milliseconds
-- ARGV[4] integer 1 if she said so before and it was lost: these seats are less by the leases that are open; else 0
-- Returns integer 1.
local none = KEYS[1] .. ':none:' .. ARGV[1]
if ARGV[2] == '0' then
  -- As if she had never said; but until all nodes must know it, what they believe does not count (offer_requests.lua).
  redis.call('HDEL', KEYS[1], ARGV[1] .. 'c', ARGV[1] .. 't')
  redis.call('SET', none, 1, 'PX', 15000)
  return 1
end
redis.call('DEL', none)
local seats = ARGV[2]
if ARGV[4] == '1' then
  local open, other = unpack(redis.call('HMGET', KEYS[1], ARGV[1] .. 'o', ARGV[1] .. 'x'))
  seats = string.format('%.0f', seats + tonumber(open or 0) - (other and 1 or 0))
end
redis.call('HSET', KEYS[1], ARGV[1] .. 'c', seats, ARGV[1] .. 't', 0)
redis.call('PEXPIRE', KEYS[1], ARGV[3])
return 1
