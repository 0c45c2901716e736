#!lua flags=allow-oom
-- Sanction: a moderator's decision about a person takes effect: a kick, a warning, a pause or a ban.
-- KEYS[1]  {shard}p:<person>
-- ARGV     1 prefix, 2 now (ms, tests only), 3 ids, 4 to 8 see audited.lua, 9 person, 10 kind: kick | warn | pause | ban, 11 id, 12 until (ms), 13 whether the device is kept out too (0|1), 14 what the person reads (JSON), 15 what moderators read (JSON)
-- Returns  done | repeated | another | moved, reply (JSON) or the audit's last hash, facts
-- Events   idle or state; session-ended; for a partner those of somebody who leaves
-- Invariants: one script does all of it, so nobody is paired with a person who is banned; the partner reads partner-left
-- include: context events index view rooms queue fitting seeking presence closing reported ending sanctions audited
local instead = audit.instead()
if instead then return instead end

local person, kind, id, until_ = ARGV[9], ARGV[10], ARGV[11], tonumber(ARGV[12])
local r = load_or_new(person)
local device = ARGV[13] == '1' and r.device or ''
-- A mark says itself until when it holds; its time to live is longer, for a clock that steps.
local kept_ms, is_out = string.format('%.0f', math.max(0, until_ - wall) + T.record_ttl_ms), kind == 'ban' or kind == 'pause'
local was, process, connection = r.match, r.process, r.connection

if is_out then
  redis.call('SET', S .. 'ban:' .. person, ARGV[14], 'PX', kept_ms)
  if device ~= '' then redis.call('SET', S .. 'ban:d:' .. device, ARGV[14], 'PX', kept_ms) end
elseif kind == 'warn' then
  redis.call('SET', S .. 'warning:' .. person, ARGV[14], 'PX', kept_ms)
end
if kind ~= 'kick' then
  local banned = redis.call('GET', S .. 'ban:' .. person)
  if kind ~= 'warn' or not banned then sanctions.note(r, ARGV[14]) end -- guard: warning-hides-no-ban -- off: sanctions.note(r, ARGV[14])
  local about = S .. 'sanction:' .. id
  redis.call('HSET', about, 'about', ARGV[15], 'person', person, 'kind', kind, 'device', device)
  redis.call('PEXPIRE', about, string.format('%.0f', until_ - wall + T.sanction_kept_ms))
  redis.call('ZREMRANGEBYSCORE', S .. 'sanctions', '-inf', string.format('%.0f', wall - 2 * T.sanction_kept_ms))
  redis.call('ZADD', S .. 'sanctions', string.format('%.0f', wall), id)
  local history = S .. 'history:' .. person
  redis.call('LPUSH', history, id)
  redis.call('LTRIM', history, 0, 49)
  redis.call('PEXPIRE', history, string.format('%.0f', until_ - wall + T.sanction_kept_ms))
end

if kind == 'warn' and r.state ~= 'waiting' then
  show(r, frame('state'))
else
  local reason = kind == 'warn' and 'warned' or is_out and 'banned' or 'removed'
  r.wish = 'rest'
  if r.match ~= '' then
    end_by_moderator(load_match(r.match), r, reason) -- guard: ban-ends-match
  elseif r.state == 'waiting' then
    to_idle(r, reason) -- guard: ban-unqueues
  else
    r.idle_reason = reason
    show(r, frame('state'))
  end
end
fact('sanction ' .. kind)
local EVENT = { warn = 'person.warned', pause = 'person.paused', ban = 'person.banned' }
if EVENT[kind] then
  emit(EVENT[kind], person, string.format('{"sanction":"%s","until_ms":%.0f,"automatic":false}', id, until_)) -- guard: ban-event
end
local reply = string.format('{"outcome":"done","sanction":"%s","person":"%s","match":%s,"device":%s}',
  id, person, was ~= '' and '"' .. was .. '"' or 'null', device ~= '' and 'true' or 'false')
audit.add(reply)
commit()
-- Their stream has told them the state by now. What is left of it is its end.
if is_out and connection ~= '' then
  publish(process, { 'B ' .. person .. ' ' .. connection, ARGV[14] }) -- guard: ban-ends-stream
  tell()
end
return { 'done', reply, facts }
