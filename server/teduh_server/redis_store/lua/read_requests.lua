-- What some of the requests that wait are routed by.
-- KEYS hashes of requests
-- Returns for each: details, opened, misses, refused, offered to, known devices, staff device that looks for a
--   colleague, whether supervisors know, staff devices for which it is not, place; what is missing is empty, and all of it where the request does not wait any more.
local answer = {}
for _, request in ipairs(KEYS) do
  local found = redis.call('HMGET', request, 'state', 'details', 'opened', 'misses', 'refused', 'offer', 'known', 'by', 'told', 'inside', 'place')
  local waits = found[1] == 'waiting'
  for each = 2, 11 do
    answer[#answer + 1] = waits and found[each] or ''
  end
end
return answer
