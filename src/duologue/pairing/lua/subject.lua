#!lua
-- Subject: the host application's own name of a person, from their token, so that events can say it.
-- KEYS[1]  {shard}p:<person>
-- ARGV     1 prefix, 2 now (ms, tests only), 3 ids (none), 4 person, 5 issuer and subject (JSON)
-- Returns  ok, "", facts
-- Events   none
-- Invariants: kept `subject_ttl_ms` after the person's last visit
-- include: context
redis.call('SET', S .. 'subject:' .. ARGV[4], ARGV[5], 'PX', T.subject_ttl_ms)
return { 'ok', '', facts }
