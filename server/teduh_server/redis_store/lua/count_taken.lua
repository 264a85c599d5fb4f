-- A person has taken one conversation more since she said how many she takes; if she ever did.
-- KEYS[1] hash    seats
-- ARGV[1] bytes   the person
-- Returns integer 1.
if redis.call('HEXISTS', KEYS[1], ARGV[1] .. 'c') == 1 then
  redis.call('HINCRBY', KEYS[1], ARGV[1] .. 't', 1)
end
return 1
