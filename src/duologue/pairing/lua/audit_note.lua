#!lua flags=allow-oom
-- Audit-note: an entry about something that a moderator only read.
-- KEYS[1]  {shard}audit
-- ARGV     1 prefix, 2 now (ms, tests only), 3 ids (none), 4 to 8 see audited.lua
-- Returns  done | repeated | another | moved, reply (JSON) or the audit's last hash, facts
-- Events   none
-- Invariants: each entry names the hash of the one before
-- include: context audited
local instead = audit.instead()
if instead then return instead end
local reply = '{"outcome":"done"}'
audit.add(reply)
return { 'done', reply, facts }
