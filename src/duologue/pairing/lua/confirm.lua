#!lua flags=allow-oom
-- Confirm: a person has read the warning about them.
-- KEYS[1]  {shard}p:<person>
-- ARGV     1 prefix, 2 now (ms, tests only), 3 ids (none), 4 person, 5 id of the warning
-- Returns  ok | stale, state, facts
-- Events   state
-- Invariants: a warning that came later is still to be confirmed
-- include: context events index view rooms queue presence sanctions
local person, id = ARGV[4], ARGV[5]
local r, key = load(person), S .. 'warning:' .. person
local json = redis.call('GET', key)
local meant = json and string.find(json, '"sanction":"' .. id .. '"', 1, true) -- guard: warning-named -- off: local meant = json
if not r or not meant then return stale(person) end
redis.call('DEL', key)
if r.sanction == json then
  sanctions.note(r, '')
  show(r, frame('state'))
end
return answer('ok', r)
