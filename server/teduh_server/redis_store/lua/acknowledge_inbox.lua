-- Drops the invitations that a device has dealt with. Their marks stay, so that a repeated commit invites nobody twice.
-- KEYS[1] stream  inbox items
-- ARGV[1] integer seq up to which everything is dealt with
-- Returns integer: how many items went.
return redis.call('XTRIM', KEYS[1], 'MINID', string.format('%.0f-0', tonumber(ARGV[1]) + 1))
