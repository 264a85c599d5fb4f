-- Appends one entry to a conversation log; a commit also moves the epoch, the membership, and adds its Welcome.
-- KEYS[1] hash    conversation state
-- KEYS[2] stream  conversation log
-- KEYS[3] set     nodes that hold subscribers
-- ARGV[1] integer member that appends
-- ARGV[2] integer its counter
-- ARGV[3] integer kind: 0 message, 1 commit
-- ARGV[4] integer epoch in which the payload was made
-- ARGV[5] bytes   Entry frame with seq 0
-- ARGV[6] bytes   Entry frame of the Welcome with seq 0, or empty
-- ARGV[7] string  id of the calling node
-- ARGV[8] integer now, milliseconds
-- ARGV[9] integer retention, milliseconds
-- ARGV[10] integer most entries in a log
-- ARGV[11] integer most bytes in a log, approximately
-- ARGV[12] integer how many devices are added (commit only)
-- ARGV[13...] bytes device ids added, then device ids removed
-- Returns, for a message: integer seq.
--   for a commit: {'committed', seq, member numbers removed...}
--   nothing appended: {'duplicate', seq or 0}, {'unknown'}, {'counter_gap', expected}, {'wrong_epoch', current},
--   {'full'}
local state, log, nodes = KEYS[1], KEYS[2], KEYS[3]
local member, counter, epoch = ARGV[1], tonumber(ARGV[2]), tonumber(ARGV[4])
local a, c, p, e, s, x, b, f = unpack(redis.call('HMGET', state,
  'a' .. member, 'c' .. member, 'p' .. member, 'e', 's', 'x', 'b', 'f'))
if not a then
  return {'unknown'}
end
-- A repeated append is accepted again whatever the epoch is now: its sender only missed the answer.
c = tonumber(c)
if counter <= c then
  return {'duplicate', counter == c and tonumber(p) or 0}
end
if counter > c + 1 then
  return {'counter_gap', c + 1}
end
if epoch ~= tonumber(e) then
  return {'wrong_epoch', tonumber(e)}
end
local seq = tonumber(s) + 1
local bytes = tonumber(b) + #ARGV[5] + #ARGV[6]
if seq - tonumber(f) >= tonumber(ARGV[10]) or bytes > tonumber(ARGV[11]) then
  return {'full'}
end

local others = {}
for _, node in ipairs(redis.call('SMEMBERS', nodes)) do
  if node ~= ARGV[7] then
    others[#others + 1] = node
  end
end
local function publish(message)
  for _, node in ipairs(others) do
    if redis.call('PUBLISH', 'node:' .. node, message) == 0 then
      -- Nobody listens: the node is dead, or has lost its connection and will register anew.
      redis.call('SREM', nodes, node)
    end
  end
end
local function place(entry, at)
  local placed = string.sub(entry, 1, 21) .. struct.pack('>I8', at) .. string.sub(entry, 30)
  redis.call('XADD', log, string.format('%.0f-0', at), 'e', placed)
  publish(placed)
end

place(ARGV[5], seq)
local last, answer = seq, seq
local fields = {'s', seq, 'c' .. member, counter, 'p' .. member, seq, 'b', bytes}
if ARGV[3] == '1' then
  answer = {'committed', seq}
  fields[#fields + 1] = 'e'
  fields[#fields + 1] = epoch + 1
  if ARGV[6] ~= '' then
    last = seq + 1
    place(ARGV[6], last)
    fields[2] = last
  end
  redis.call('HDEL', state, 'l')
  local added = tonumber(ARGV[12])
  -- Removed first, so that a device which the same commit removes and adds becomes a new member.
  for i = 13 + added, #ARGV do
    local number = redis.call('HGET', state, 'd:' .. ARGV[i])
    if number and number ~= member then
      redis.call('HDEL', state, 'd:' .. ARGV[i], 'a' .. number, 'r' .. number, 'c' .. number, 'p' .. number)
      answer[#answer + 1] = tonumber(number)
      publish('\001' .. string.sub(ARGV[5], 5, 20) .. struct.pack('>I4', tonumber(number)))
    end
  end
  for i = 13, 12 + added do
    if redis.call('HEXISTS', state, 'd:' .. ARGV[i]) == 0 then
      local number = redis.call('HINCRBY', state, 'n', 1) - 1
      -- From the Welcome on, which follows the commit.
      redis.call('HSET', state, 'd:' .. ARGV[i], number, 'a' .. number, seq, 'r' .. number, seq,
        'c' .. number, 0, 'p' .. number, 0)
    end
  end
end
-- Who had everything before still has everything: nobody needs to be sent her own words.
if tonumber(a) == seq - 1 then
  fields[#fields + 1] = 'a' .. member
  fields[#fields + 1] = last
end
-- Expiries are renewed once a minute, not with each message. The log and the nodes outlive the state, so that
-- nothing is ever appended to a key that has just been made and never expires.
if seq == 1 or tonumber(ARGV[8]) - tonumber(x) > 60000 then
  fields[#fields + 1] = 'x'
  fields[#fields + 1] = ARGV[8]
  redis.call('PEXPIRE', state, ARGV[9])
  redis.call('PEXPIRE', log, ARGV[9] + 60000)
  redis.call('PEXPIRE', nodes, ARGV[9] + 60000)
end
redis.call('HSET', state, unpack(fields))
return answer
