-- One node at a time makes offers: takes the lead if nobody has it, or keeps it.
-- KEYS[1] string  the node that leads
-- ARGV[1] string  the calling node
-- ARGV[2] integer for how long, milliseconds
-- Returns integer 1 if the caller leads, else 0.
local leader = redis.call('GET', KEYS[1])
if leader and leader ~= ARGV[1] then
  return 0
end
redis.call('SET', KEYS[1], ARGV[1], 'PX', ARGV[2])
return 1
