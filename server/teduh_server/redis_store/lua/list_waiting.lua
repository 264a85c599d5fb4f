-- The next requests with all that they are routed by.
-- KEYS[1] zset    waiting, by place in the order of service
-- ARGV[1] integer how many at most
-- ARGV[2] string  prefix of request keys (same slot)
-- Returns {how many wait in all, then for each: conversation id, details, opened, misses, refused, offered to, known
--   devices, staff device that looks for a colleague}; what is missing is empty.
local answer = {redis.call('ZCARD', KEYS[1])}
for _, id in ipairs(redis.call('ZRANGE', KEYS[1], 0, ARGV[1] - 1)) do
  local found = redis.call('HMGET', ARGV[2] .. id, 'details', 'opened', 'misses', 'refused', 'offer', 'known',
    'by')
  if found[1] then
    answer[#answer + 1] = id
    for each = 1, 7 do
      answer[#answer + 1] = found[each] or ''
    end
  end
end
return answer
