-- What a moderator decided about a person (docs/safety.md). `ban:<person>` and `ban:d:<device>` keep the person and the device out for
-- as long as they exist; `warning:<person>` is there until its person has confirmed it. Each is the JSON that its person reads.
-- `sanction` in the record is a copy of it, so that a state needs no further read.
local sanctions = {}

-- A mark, unless it has ended by the clock that its person reads.
function sanctions.lasting(json)
  return json and tonumber(string.match(json, '"until_ms":(%d+)')) > wall and json -- guard: ban-ends -- off: return json
end

-- The ban that keeps a person out who comes with this device, and the warning that waits for them; each JSON, or false.
function sanctions.of(person, device)
  local ban, warning, device_ban = unpack(redis.call('MGET', S .. 'ban:' .. person, S .. 'warning:' .. person, S .. 'ban:d:' .. device))
  if not ban and device ~= '' then ban = device_ban end -- guard: ban-device
  return sanctions.lasting(ban), sanctions.lasting(warning)
end

-- What the person reads of it from now on, and whether that is news. A ban that has ended is in no state any more.
function sanctions.note(r, json)
  json = json or ''
  if r.sanction == json then return false end
  r.sanction = json
  touch(r)
  return true
end
