#!lua flags=allow-oom
-- Video: a canary room opened, or rooms do not open. While it is down nobody is paired; `scan` tells those who wait.
-- KEYS[1]  {shard}video
-- ARGV     1 prefix, 2 now (ms, tests only), 3 ids (none), 4 up | down, 5 since (ms): when what was seen began
-- Returns  ok | stale, "", facts
-- Events   none
-- Invariants: fenced by when it was seen; repeated, nothing changes
-- include: context index view rooms video
local word, since = ARGV[4], tonumber(ARGV[5])
local done
if word == 'up' then done = video_up(since) else done = video_down(since) end
return { done and 'ok' or 'stale', '', facts }
