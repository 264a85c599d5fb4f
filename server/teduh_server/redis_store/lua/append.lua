-- Appends entries, each to a conversation log; a commit also moves the epoch, the membership, and adds its Welcome.
-- What one tick of a node appends comes in one call, for the call of a script costs as much as much of its work.
-- KEYS[2i-1] hash   state of the i-th conversation; one may come several times
-- KEYS[2i]   stream its log
-- ARGV[1]    bytes  packed '>I8I8I8c16I4I4': retention in milliseconds, most entries in a log, most bytes in it
--                   (approximately), id of the calling node; how many entries, and how many bytes, it would
--                   append directly after this one, if it may
-- ARGV[2i]   bytes  packed '>I4I8I1I8I8': member that appends, its counter, kind (0 message, 1 commit), epoch in
--                   which the payload was made, now in milliseconds
-- ARGV[2i+1] bytes  Entry frame with seq 0
-- and for a commit, which comes alone:
-- ARGV[4] bytes   Entry frame of the Welcome with seq 0, or empty
-- ARGV[5] integer how many devices are added
-- ARGV[6...] bytes device ids added, then device ids removed
-- Returns a list with an answer for each:
--   for a message: integer seq; negative if the node may append to this log directly, for it is alone there.
--   for a commit: {'committed', seq, member numbers removed...}
--   nothing appended: {'duplicate', seq or 0}, {'unknown'}, {'counter_gap', expected}, {'wrong_epoch', current},
--   {'not_claimed'}, {'full'}, {'too_often', milliseconds}; an error, if the keys hold something else
local call, pack, unpack, sub, format = redis.call, struct.pack, struct.unpack, string.sub, string.format
-- Before the first commit nobody has taken the conversation, and its survivor is anybody: so little may she say there,
-- and for so long is it kept, in milliseconds, unless she is there (keep_unclaimed.lua).
local unclaimed_entries, unclaimed_bytes, unclaimed_ms = 24, 6144, 600000
local retention, most_entries, most_bytes, caller, direct_entries, direct_bytes = unpack('>I8I8I8c16I4I4', ARGV[1])

-- Commits of one member, and within how many milliseconds: each makes what others have on their way void, so that a
-- member who commits without end would keep everybody else from being heard. All count, for a list of members is no
-- proof that anybody comes or goes.
local most_commits, commits_within = 8, 20000

-- What this call tells other nodes. By channel: the node, the conversations (their states), and the message in parts.
local told = {}

local function channel_of(state, node)
  if sub(node, 1, 1) == 's' then
    -- In a cluster: the channel that the node has for this conversation, in the conversation's slot.
    return 'node:' .. node .. ':' .. string.match(state, '{%x+}')
  end
  return 'node:' .. node
end

local function publish(channel, node, message)
  return call(sub(node, 1, 1) == 's' and 'SPUBLISH' or 'PUBLISH', channel, message)
end

-- Nobody listens: the node is dead, or has lost its connection and will register anew.
local function forget(state, node)
  local nodes = call('HGET', state, 'o')
  local from = string.find(nodes, node, 1, true)
  if from then
    call('HSET', state, 'o', sub(nodes, 1, from - 1) .. sub(nodes, from + 16))
  end
end

local function tell_entry(state, nodes, entry, at)
  for from = 1, #nodes, 16 do
    local node = sub(nodes, from, from + 15)
    if node ~= caller then
      local channel = channel_of(state, node)
      local message = told[channel] or {'\026', node = node, states = {}}
      told[channel] = message
      message[#message + 1] = pack('>I8I4', at, #entry)
      message[#message + 1] = entry
      message.states[state] = true
    end
  end
end

-- One message to each node: as many of them would cost the server, and each node, more than the appends do.
local function tell_entries()
  for channel, message in pairs(told) do
    if publish(channel, message.node, table.concat(message)) == 0 then
      for state in pairs(message.states) do
        forget(state, message.node)
      end
    end
  end
  told = {}
end

-- Behind the entries of before.
local function tell_at_once(state, nodes, text)
  tell_entries()
  for from = 1, #nodes, 16 do
    local node = sub(nodes, from, from + 15)
    if node ~= caller and publish(channel_of(state, node), node, text) == 0 then
      forget(state, node)
    end
  end
end

-- Its id is the entry's place, and whoever reads it writes that into it: done here, it would copy the entry twice.
-- As `..` writes numbers it would take several times as long.
local function put(log, entry, at)
  call('XADD', log, format('%d-0', at), 'e', entry)
end

-- What the state shall note of this member's commits once this one is in the log; nil, and how many milliseconds later
-- it may be tried again, if there were too many.
local function with_commits_of_late(state, member)
  local time = call('TIME')
  local now = time[1] * 1000 + math.floor(time[2] / 1000)
  local since, count = now, 0
  local noted = call('HGET', state, format('k%d', member))
  if noted then
    since, count = unpack('>I8I4', noted)
    if now < since or now - since >= commits_within then
      since, count = now, 0
    end
  end
  if count >= most_commits then
    return nil, since + commits_within - now
  end
  return pack('>I8I4', since, count + 1)
end

-- Moves the membership as the commit at `place` says. Returns the place of the last entry, and the answer.
local function commit(state, log, member, place, replaces, nodes)
  local last, answer = place, {'committed', place}
  if ARGV[4] ~= '' then
    last = place + 1
    put(log, ARGV[4], last)
    tell_entry(state, nodes, ARGV[4], last)
  end
  call('HDEL', state, 'l')
  if replaces then
    call('HDEL', state, 'c')
  end
  local added = tonumber(ARGV[5])
  -- Removed first, so that a device which the same commit removes and adds becomes a new member.
  for i = 6 + added, #ARGV do
    -- Whoever had left by itself: somebody else goes on with the survivor, who does not come back to it (leave.lua).
    call('HDEL', state, 'p:' .. ARGV[i])
    local number = call('HGET', state, 'd:' .. ARGV[i])
    if number and tonumber(number) ~= member then
      call('HDEL', state, 'd:' .. ARGV[i], 'm' .. number, 'k' .. number)
      answer[#answer + 1] = tonumber(number)
      tell_at_once(state, nodes, '\001' .. sub(ARGV[3], 5, 20) .. pack('>I4', tonumber(number)))
    end
  end
  for i = 6, 5 + added do
    if call('HEXISTS', state, 'd:' .. ARGV[i]) == 0 then
      local number = call('HINCRBY', state, 'n', 1) - 1
      -- From the Welcome on, which follows the commit.
      call('HSET', state, 'd:' .. ARGV[i], number, 'm' .. number, pack('>I8I8I8I8', place, 0, 0, place))
      call('HDEL', state, 'p:' .. ARGV[i])
    end
  end
  if added > 0 then
    -- Until they are invited: should the node die before, whoever subscribes next finds them here.
    local parts = {call('HGET', state, 'i') or ''}
    for i = 6, 5 + added do
      parts[#parts + 1] = pack('>I8', place) .. ARGV[i]
    end
    call('HSET', state, 'i', table.concat(parts))
  end
  return last, answer
end

local function append(state, log, head, entry)
  local member, counter, kind, epoch, now = unpack('>I4I8I1I8I8', head)
  local own = format('m%d', member)
  local found = call('HMGET', state, 'v', own, 'o', 't')
  if not found[2] then
    return {'unknown'}
  end
  local nodes, direct = found[3] or '', found[4]
  if direct then
    local v = settle(state, log, found[1])
    if v ~= found[1] then
      found[1], found[2] = v, call('HGET', state, own)
    end
  end
  local seq, e, first, bytes, renewed = unpack('>I8I8I8I8I8', found[1])
  local has, c, place, after = unpack('>I8I8I8I8', found[2])
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
  -- The survivor changes members in one way only: she adds the device that has taken her conversation. And she does not
  -- begin it.
  local replaces = kind == 1 and member == 0 and #ARGV > 5
  if replaces and (ARGV[5] ~= '1' or call('HGET', state, 'c') ~= ARGV[6]) or kind == 1 and member == 0 and e == 0 then
    return {'not_claimed'}
  end
  bytes = bytes + #entry + (kind == 1 and #ARGV[4] or 0)
  local entries = seq + 1 - first
  local is_early = e == 0 and member == 0
  if entries >= most_entries or bytes > most_bytes
    or is_early and (entries >= unclaimed_entries or bytes > unclaimed_bytes) then
    return {'full'}
  end
  local commits, wait
  if kind == 1 then
    commits, wait = with_commits_of_late(state, member)
    if wait then
      return {'too_often', wait}
    end
  end

  place = seq + 1
  put(log, entry, place)
  local last, answer = place, place
  if nodes ~= caller then
    tell_entry(state, nodes, entry, place)
  end
  if kind == 1 then
    e = e + 1
    call('HSET', state, format('k%d', member), commits)
    last, answer = commit(state, log, member, place, replaces, nodes)
  end
  -- `has` stays: before she acknowledges it, the sender may not know that it was accepted, and look for it in the log.
  -- Expiries are renewed once a minute, not with each message. The log outlives the state, so that nothing is ever
  -- appended to a key that has just been made and never expires.
  local lasts = e > 0 and retention or unclaimed_ms
  if now - renewed > 60000 or kind == 1 and epoch == 0 then
    renewed = now
    call('PEXPIRE', state, lasts)
    call('PEXPIRE', log, lasts + 60000)
  elseif seq < first then
    call('PEXPIRE', log, lasts + 60000)
  end
  local v, record = pack('>I8I8I8I8I8', last, e, first, bytes, renewed), pack('>I8I8I8I8', has, counter, place, after)
  local may = direct_entries > 0 and kind == 0 and e > 0 and nodes == caller
    and last + direct_entries - first < most_entries and bytes + direct_bytes <= most_bytes
  if may and not direct then
    call('HSET', state, 'v', v, own, record, 't', 1)
  else
    call('HSET', state, 'v', v, own, record)
    if direct and nodes ~= caller then
      call('HDEL', state, 't')
    end
  end
  return may and -place or answer
end

-- What a node appended directly and was never accepted may lie where the next entry belongs.
local function append_behind(state, log, head, entry)
  local done, answer = pcall(append, state, log, head, entry)
  local text = not done and (type(answer) == 'table' and answer.err or answer)
  if text and string.find(text, 'XADD is equal or smaller', 1, true) then
    settle(state, log, call('HGET', state, 'v'))
    done, answer = pcall(append, state, log, head, entry)
  end
  return done, answer
end

local answers = {}
for i = 1, #KEYS / 2 do
  local done, answer = append_behind(KEYS[2 * i - 1], KEYS[2 * i], ARGV[2 * i], ARGV[2 * i + 1])
  if not done then
    -- Depending on the server a table or a string with a place before it; the code comes first for who calls.
    local text = type(answer) == 'table' and answer.err or answer
    answer = {err = string.match(text, '%u%u+ .*') or text}
    -- A key that holds something else is none of the others' business; a server that takes no writes is everybody's.
    if sub(answer.err, 1, 9) ~= 'WRONGTYPE' then
      tell_entries()
      return answer
    end
  end
  answers[i] = answer
end
tell_entries()
return answers
