#!lua flags=no-writes
-- Audit-read: entries of the audit, the oldest first.
-- KEYS[1]  {shard}audit
-- ARGV     1 prefix, 2 now (ms, tests only), 3 ids (none), 4 id of the entry before ("": from the first), 5 how many at most
-- Returns  ok, the last entry's hash, facts, a list of id, entry (JSON), hash
-- Events   none
-- Invariants: a pure read
-- include: context
local from, rows = ARGV[4] == '' and '-' or '(' .. ARGV[4], {}
for _, row in ipairs(redis.call('XRANGE', KEYS[1], from, '+', 'COUNT', ARGV[5])) do
  rows[#rows + 1] = { row[1], row[2][2], row[2][4] }
end
return { 'ok', redis.call('GET', S .. 'audit_head') or '', facts, rows }
