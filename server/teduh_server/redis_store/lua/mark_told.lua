-- Notes that supervisors know of a request.
-- KEYS[1] hash    request
-- Returns integer 1 the first time while it waits, else 0.
if redis.call('HGET', KEYS[1], 'state') ~= 'waiting' then
  return 0
end
return redis.call('HSETNX', KEYS[1], 'told', 1)
