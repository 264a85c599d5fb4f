-- Keeps what an invited device sends, once per invitation, and lists it for the coordinator.
-- KEYS[1] string  the submission
-- KEYS[2] string  the sealed statement that answers it
-- KEYS[3] zset    the ids that wait, by their submission's end
-- ARGV[1] string  the enrolment's id
-- ARGV[2] bytes   the submission
-- ARGV[3] integer when the submission is forgotten, seconds since 1970
-- Returns 1 if it is kept, now or before; 0 if another one was kept before.
local kept = redis.call('GET', KEYS[1])
if kept and kept ~= ARGV[2] then
  return 0
end
redis.call('SET', KEYS[1], ARGV[2], 'EXAT', ARGV[3])
if redis.call('EXISTS', KEYS[2]) == 0 then
  redis.call('ZADD', KEYS[3], ARGV[3], ARGV[1])
  if redis.call('EXPIRETIME', KEYS[3]) < tonumber(ARGV[3]) then
    redis.call('EXPIREAT', KEYS[3], ARGV[3])
  end
end
return 1
