-- Appends one entry to a conversation log; a commit also moves the epoch, the membership, and adds its Welcome.
-- KEYS[1] hash    conversation state
-- KEYS[2] stream  conversation log
-- ARGV[1] bytes   packed '>I4I8I1I8I8': member that appends, its counter, kind (0 message, 1 commit), epoch in
--                 which the payload was made, now in milliseconds
-- ARGV[2] bytes   Entry frame with seq 0
-- ARGV[3] bytes   packed '>I8I8I8c16': retention in milliseconds, most entries in a log, most bytes in it
--                 (approximately), id of the calling node
-- and for a commit only:
-- ARGV[4] bytes   Entry frame of the Welcome with seq 0, or empty
-- ARGV[5] integer how many devices are added
-- ARGV[6...] bytes device ids added, then device ids removed
-- Returns, for a message: integer seq.
--   for a commit: {'committed', seq, member numbers removed...}
--   nothing appended: {'duplicate', seq or 0}, {'unknown'}, {'counter_gap', expected}, {'wrong_epoch', current},
--   {'not_claimed'}, {'full'}
local state, log = KEYS[1], KEYS[2]
local member, counter, kind, epoch, now = struct.unpack('>I4I8I1I8I8', ARGV[1])
local retention, most_entries, most_bytes, caller = struct.unpack('>I8I8I8c16', ARGV[3])
local own = 'm' .. member
local found = redis.call('HMGET', state, 'v', own, 'o')
if not found[2] then
  return {'unknown'}
end
local seq, e, first, bytes, renewed = struct.unpack('>I8I8I8I8I8', found[1])
local has, c, place, after = struct.unpack('>I8I8I8I8', found[2])
-- A repeated append is accepted again whatever the epoch is now: its sender only missed the answer.
if counter <= c then
  return {'duplicate', counter == c and place or 0}
end
if counter > c + 1 then
  return {'counter_gap', c + 1}
end
if epoch ~= e then
  return {'wrong_epoch', e}
end
-- The survivor changes members in one way only: she adds the device that has taken her conversation.
local replaces = member == 0 and #ARGV > 5
if replaces and (ARGV[5] ~= '1' or redis.call('HGET', state, 'c') ~= ARGV[6]) then
  return {'not_claimed'}
end
bytes = bytes + #ARGV[2] + #(ARGV[4] or '')
if seq + 1 - first >= most_entries or bytes > most_bytes then
  return {'full'}
end

place = seq + 1
-- Lua writes numbers below 10^14 without an exponent.
local function put(entry, at)
  local placed = string.sub(entry, 1, 21) .. struct.pack('>I8', at) .. string.sub(entry, 30)
  redis.call('XADD', log, at .. '-0', 'e', placed)
  return placed
end
local placed = put(ARGV[2], place)
local last, answer = place, place
-- Mostly it is a message and there is no other node: then this is all, and no function that publishes is made.
local elsewhere = found[3] and found[3] ~= '' and found[3] ~= caller
if elsewhere or kind == 1 then
  local function tell(node, message)
    if string.sub(node, 1, 1) == 's' then
      -- In a cluster: the channel that the node has for this conversation, in the conversation's slot.
      return redis.call('SPUBLISH', 'node:' .. node .. ':' .. string.match(state, '{%x+}'), message)
    end
    return redis.call('PUBLISH', 'node:' .. node, message)
  end
  local function publish(message)
    if not elsewhere then
      return
    end
    local nodes = redis.call('HGET', state, 'o') or ''
    for at = 1, #nodes, 16 do
      local node = string.sub(nodes, at, at + 15)
      if node ~= caller and tell(node, message) == 0 then
        -- Nobody listens: the node is dead, or has lost its connection and will register anew.
        local left = redis.call('HGET', state, 'o')
        local from = string.find(left, node, 1, true)
        redis.call('HSET', state, 'o', string.sub(left, 1, from - 1) .. string.sub(left, from + 16))
      end
    end
  end
  publish(placed)
  if kind == 1 then
    answer = {'committed', place}
    e = e + 1
    if ARGV[4] ~= '' then
      last = place + 1
      publish(put(ARGV[4], last))
    end
    redis.call('HDEL', state, 'l')
    if replaces then
      redis.call('HDEL', state, 'c')
    end
    local added = tonumber(ARGV[5])
    -- Removed first, so that a device which the same commit removes and adds becomes a new member.
    for i = 6 + added, #ARGV do
      local number = redis.call('HGET', state, 'd:' .. ARGV[i])
      if number and tonumber(number) ~= member then
        redis.call('HDEL', state, 'd:' .. ARGV[i], 'm' .. number)
        answer[#answer + 1] = tonumber(number)
        publish('\001' .. string.sub(ARGV[2], 5, 20) .. struct.pack('>I4', tonumber(number)))
      end
    end
    for i = 6, 5 + added do
      if redis.call('HEXISTS', state, 'd:' .. ARGV[i]) == 0 then
        local number = redis.call('HINCRBY', state, 'n', 1) - 1
        -- From the Welcome on, which follows the commit.
        redis.call('HSET', state, 'd:' .. ARGV[i], number, 'm' .. number, struct.pack('>I8I8I8I8', place, 0, 0, place))
      end
    end
  end
end
-- `has` stays: before she acknowledges it, the sender may not know that it was accepted, and look for it in the log.
-- Expiries are renewed once a minute, not with each message. The log outlives the state, so that nothing is ever
-- appended to a key that has just been made and never expires.
if now - renewed > 60000 then
  renewed = now
  redis.call('PEXPIRE', state, retention)
  redis.call('PEXPIRE', log, retention + 60000)
elseif seq < first then
  redis.call('PEXPIRE', log, retention + 60000)
end
redis.call('HSET', state, 'v', struct.pack('>I8I8I8I8I8', last, e, first, bytes, renewed),
  own, struct.pack('>I8I8I8I8', has, counter, place, after))
return answer
