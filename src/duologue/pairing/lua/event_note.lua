#!lua flags=allow-oom
-- Event-note: an event that no transition makes, such as a test of a webhook.
-- KEYS[1]  {shard}events
-- ARGV     1 prefix, 2 now (ms, tests only), 3 ids (none), 4 kind, 5 fields (JSON)
-- Returns  ok, "", facts
-- Events   none
-- Invariants: none
-- include: context events
emit(ARGV[4], '', ARGV[5])
return { 'ok', '', facts }
