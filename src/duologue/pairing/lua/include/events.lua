-- What the host application hears of (docs/webhooks.md): `events`, a stream whose entry `0-<seq>` is written by the script of the
-- transition itself, so there is never one without the other. `seq` rises by one. `fields` is a JSON object made of ids, numbers and
-- words of ours: never text, an alias, an address, or who reported.
local function emit(kind, person, fields)
  redis.call('XADD', S .. 'events', 'MAXLEN', '~', T.kept_events, '0-*', 'kind', kind, 'at_ms', string.format('%.0f', wall), 'person', person, 'fields', fields) -- guard: event-written
end
