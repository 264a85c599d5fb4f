-- Notes that supervisors know of a request, if it waits.
-- KEYS[1] hash    request
-- Returns integer 1 if it does, else 0.
if redis.call('HGET', KEYS[1], 'state') ~= 'waiting' then
  return 0
end
redis.call('HSET', KEYS[1], 'told', 1)
return 1
