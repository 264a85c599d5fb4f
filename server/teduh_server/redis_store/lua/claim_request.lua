-- Takes the oldest waiting request, or a certain one, on a lease. Under any race one claimant gets it.
-- KEYS[1] zset    waiting, by time of opening
-- KEYS[2] zset    leases, by deadline
-- ARGV[1] string  conversation id wanted, hexadecimal; empty: the oldest
-- ARGV[2] bytes   device id of the claimant
-- ARGV[3] integer now, milliseconds
-- ARGV[4] integer lease, milliseconds
-- ARGV[5] integer retention, milliseconds
-- ARGV[6] string  prefix of request keys (same slot)
-- Returns {} if there is none, else {conversation id, key package, details, opened in microseconds}.
for _ = 1, 100 do
  local id = ARGV[1]
  if id == '' then
    id = redis.call('ZRANGE', KEYS[1], 0, 0)[1]
  elseif not redis.call('ZSCORE', KEYS[1], id) then
    -- Asked again by the one who holds it: the answer was lost on the way.
    local held = redis.call('HMGET', ARGV[6] .. id, 'state', 'device', 'key_package', 'details', 'opened')
    if held[1] == 'leased' and held[2] == ARGV[2] then
      return {id, held[3], held[4], held[5]}
    end
    return {}
  end
  if not id then
    return {}
  end
  redis.call('ZREM', KEYS[1], id)
  local request = ARGV[6] .. id
  local package, details, opened = unpack(redis.call('HMGET', request, 'key_package', 'details', 'opened'))
  -- A request that has expired is passed over.
  if package then
    redis.call('HSET', request, 'state', 'leased', 'device', ARGV[2])
    redis.call('PEXPIRE', request, ARGV[5])
    redis.call('ZADD', KEYS[2], ARGV[3] + ARGV[4], id)
    redis.call('PEXPIRE', KEYS[2], ARGV[5])
    return {id, package, details, opened}
  end
end
return {}
