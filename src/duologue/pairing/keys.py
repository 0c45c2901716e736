"""Every key pattern of the store, once.

All carry the shard as their hash tag, so one script may touch any of them.

=========================  ==========  ==========================================================
key                        type        what
=========================  ==========  ==========================================================
``p:<person>``             string      the person's record (``records.PERSON``)
``m:<match>``              string      a live match's record (``records.MATCH``)
``q:<pool>:<l>:<i>``       zset        pairable people of these wishes by place (ms). ``l``: a language; empty
                                       for those who named none; ``*`` for those who named any. ``i``:
                                       ``#`` and an interest; empty, or ``*``, in the same way
``common:<pool>``          zset        those of any wishes who have been pairable for ``relax_after_ms``
``queues``                 set         the names of the two kinds above that may have members
``seek``                   zset        pairable people by when the scan lets them look for somebody (ms)
``owed``                   zset        people by when the sign they owe is due, or said once more (ms)
``lease``                  zset        waiting people by the end of their lease (ms)
``media``                  zset        matches by their media deadline (ms)
``silence``                zset        ``<match>:<a|b>``, the reporter, by when it ends the match (ms)
``quiet``                  zset        matches by their next check for a word from either (ms)
``alone``                  zset        people whose partner is away or silent, by since when (ms)
``at:<process>``           set         people attached to a server process
``beats``                  zset        server processes by their last beat (ms)
``published``              hash        how many publications each server process's channel has had
``held``                   hash        ``<people on streams>:<people who poll>:<beat>`` of each process; the
                                       beat found it buried or forgotten, 0 once it has read that
``compared:<day>``         hash        what comparing found on that day since the epoch (UTC), 3 days
``claimed:<day>:<part>``   hash        how many reads of each person were counted there, 3 days; 16 parts
``troubled:<day>``         set         people for whom something was missed or differed (at most 1,000), 3 d
``sweep``                  hash        ``last`` sweep and ``quiet_until`` (ms); ``skipped``: Redis's clock
                                       minus the shard's own time (ms); ``counted``: when the people
                                       ``online`` were counted (ms); ``scanner``: the process that scans
                                       the queue, ``claimed_until`` (ms)
``skipped``                string      the last, once more: the clock outlives the loss of ``sweep``
``room:<match>``           string      the outbox entry of a LiveKit room (``records.ROOM``), until it is gone
``rooms``                  zset        live matches by when work on their room is due (ms; open: never, +inf)
``closing``                zset        ended matches by when their room is to be deleted (ms)
``video``                  hash        ``down`` (0, 1), ``at`` (ms); ``opened``: when the newest room that
                                       opened was begun (ms); ``told:<pool>``: how far a pool has been told
``round``                  hash        the reconciler's round: ``holder`` (a generation), ``until`` its claim
                                       holds (ms; 0: it ended), ``due``: the next (ms), ``listed``: rooms seen
``looked``                 hash        the pass of looks at matches whose media is due: ``pass``, when it
                                       began (ms), ``due`` (ms) and ``match``: how far it came
``namespace``              string      what the names of this store's rooms begin with
``hook:<event>``           string      a webhook's event that was heard, 10 min
``recent:<person>``        string      their last 8 matches (``records.Recent``), 15 min
``blocked:<person>``       zset        marks of the people that they blocked, by when the block was
                                       made (ms): a person's id, ``d:<device>``, ``n:<network>``; 30 days
``ban:<mark>``             string      what keeps a person, or a device (``d:<device>``), out, as that person
                                       reads it (JSON), until it ends
``warning:<person>``       string      a warning (JSON) until its person has confirmed it
``sanction:<id>``          hash        a sanction as moderators read it: ``about`` (JSON), ``person``,
                                       ``kind``, ``device``, ``lifted_at_ms``; half a year after its end
``sanctions``              zset        their ids by when they were decided (ms)
``history:<person>``       list        ids of the person's last 50 sanctions, the newest first
``audit``                  stream      what moderators did: ``entry`` (JSON) and ``hash``; 1 year
``audit_head``             string      the hash of the last of them
``request:<key>``          hash        a moderator's request by its Idempotency-Key: ``digest`` of what it
                                       asked for and the ``reply``, 1 day
``events``                 stream      events for the host application, ``0-<seq>``: ``kind``, ``at_ms``,
                                       ``person``, ``fields`` (JSON); 7 days
``subject:<person>``       string      the issuer and subject of a host's token (JSON), 30 days
``webhooks``               hash        ``holder``: the process that delivers events, ``until`` its claim (ms)
``webhook:<endpoint>``     hash        ``state`` of the delivery to one address (JSON); ``retry``: when an
                                       operator asked last to try again (ms); 30 days
``owing:<endpoint>``       hash        events that failed there, by number: tries and the next one (JSON)
``near:<network>``         zset        people attached from a network (+inf), or by until when their place
                                       is kept (ms)
``network-key``            hash        the key of network marks, wrapped, by the signing key's name
``servers``                hash        the settings of each server process on which all must agree (JSON)
``back:<match>``           hash        who came back after an ending of ours, 20 s
``msg:<match>``            list        the last messages of a live match, for replay
``said:<match>``           list        what was said in a match, ``[n, at_ms, person, text]`` (JSON): 15 min
                                       after the end, or as long as the reports about the match
``sig:<match>:<side>``     list        kept signals for one side
``until:<person>``         string      until when a session was renewed (ms), until its person is detached
``report:<match>``         hash        ``by:<person>``: that person's report (JSON); ``at_ms`` of the first;
                                       ``evidence`` (kept, refused), ``left_out`` (messages that had no room),
                                       ``bytes`` (as counted), ``decided_at_ms``
``reports``                zset        reported matches by when their reports run out (ms), 30 days
``decided``                zset        those of them that were decided, by when (ms)
``report_bytes``           string      the sum of their ``bytes``
``limit:<kind>:<person>``  string      when this person's bucket is full again (ms), until then
``limit:<kind>@<address>`` string      the same of a network address, whose name is hidden
=========================  ==========  ==========================================================

The last two are ``identity.limits``'s own, beside the records that they guard.
``f:<process>`` is no key but the channel that a process listens on.
"""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Keys:
    """The keys of one shard that callers name; the scripts derive the others from ``prefix``."""

    shard: str
    before: str = ""
    """What all keys and channels begin with, so that a server can be shared (``--key-prefix``)."""

    @property
    def prefix(self) -> str:
        """The hash tag, e.g. ``{0}``, behind what the operator chose."""
        return self.before + "{" + self.shard + "}"

    def person(self, person: str) -> str:
        return f"{self.prefix}p:{person}"

    def at(self, process: str) -> str:
        return f"{self.prefix}at:{process}"

    def report(self, match: str) -> str:
        return f"{self.prefix}report:{match}"

    def channel(self, process: str) -> str:
        return f"{self.prefix}f:{process}"

    @property
    def seek(self) -> str:
        return f"{self.prefix}seek"

    @property
    def beats(self) -> str:
        return f"{self.prefix}beats"

    @property
    def published(self) -> str:
        return f"{self.prefix}published"

    @property
    def rooms(self) -> str:
        return f"{self.prefix}rooms"

    @property
    def closing(self) -> str:
        return f"{self.prefix}closing"

    @property
    def video(self) -> str:
        return f"{self.prefix}video"

    @property
    def namespace(self) -> str:
        return f"{self.prefix}namespace"

    @property
    def network_key(self) -> str:
        return f"{self.prefix}network-key"

    @property
    def audit(self) -> str:
        return f"{self.prefix}audit"

    @property
    def events(self) -> str:
        return f"{self.prefix}events"

    @property
    def webhooks(self) -> str:
        return f"{self.prefix}webhooks"

    def webhook(self, endpoint: str) -> str:
        return f"{self.prefix}webhook:{endpoint}"

    @property
    def sanctions(self) -> str:
        return f"{self.prefix}sanctions"

    @property
    def servers(self) -> str:
        return f"{self.prefix}servers"

    @property
    def sweep(self) -> str:
        return f"{self.prefix}sweep"
