#!lua flags=allow-oom
-- Lift: a sanction ends before its time; all of its marks go.
-- KEYS[1]  {shard}p:<person>
-- ARGV     1 prefix, 2 now (ms, tests only), 3 ids (none), 4 to 8 see audited.lua, 9 person, 10 id of the sanction
-- Returns  done | repeated | another | moved | unknown, reply (JSON) or the audit's last hash, facts
-- Events   state
-- Invariants: a sanction that was decided later stays
-- include: context events index view rooms queue presence sanctions audited
local instead = audit.instead()
if instead then return instead end

local person, id = ARGV[9], ARGV[10]
local about = S .. 'sanction:' .. id
local whose, device, lifted = unpack(redis.call('HMGET', about, 'person', 'device', 'lifted_at_ms'))
if whose ~= person then return { 'unknown', '', facts } end

local named = '"sanction":"' .. id .. '"'
local function drop(key)
  local json = redis.call('GET', key)
  if json and string.find(json, named, 1, true) then redis.call('DEL', key) end -- guard: later-ban-stays -- off: redis.call('DEL', key)
end
drop(S .. 'ban:' .. person)
drop(S .. 'warning:' .. person)
if device ~= '' then drop(S .. 'ban:d:' .. device) end
if not lifted then redis.call('HSET', about, 'lifted_at_ms', string.format('%.0f', wall)) end

local r = load(person)
if r and string.find(r.sanction, named, 1, true) then
  local ban, warning = sanctions.of(person, r.device)
  sanctions.note(r, ban or warning)
  show(r, frame('state'))
end
fact('sanction lifted')
if not lifted then emit('person.unbanned', person, '{"sanction":"' .. id .. '"}') end
local reply = string.format('{"outcome":"done","sanction":"%s","person":"%s"}', id, person)
audit.add(reply)
commit()
return { 'done', reply, facts }
