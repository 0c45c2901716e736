// In a page: so many people, each with a stream of their own, as so many tabs have. They meet, all of them.
// -> {read: streams that brought a frame, met: matches}; a stream that does not open in time is not counted.
async ([people, withinMs]) => {
  const call = async (path, body, token) => {
    const headers = { "Content-Type": "application/json", ...(token && { Authorization: `Bearer ${token}` }) };
    const options = { method: "POST", headers, credentials: "omit", body: JSON.stringify(body) };
    return (await fetch(path, { ...options, signal: AbortSignal.timeout(withinMs) })).json();
  };
  const closing = new AbortController();
  const follow = async (token, page, hear) => {
    const headers = { Authorization: `Bearer ${token}` };
    const answer = await fetch(`/v1/events?page=${page}`, { headers, credentials: "omit", signal: closing.signal });
    const reader = answer.body.pipeThrough(new TextDecoderStream()).getReader();
    for (let text = ""; ; ) {
      const { value, done } = await reader.read();
      if (done) return;
      const blocks = (text + value).split("\n\n");
      text = blocks.pop();
      for (const block of blocks) hear(JSON.parse(block.slice(block.indexOf("data: ") + 6)));
    }
  };
  const tabs = [];
  for (let n = 0; n < people; n++) tabs.push({ n, ...(await call("/v1/sessions", { cookie: false })) });
  const within = (promise) => Promise.race([promise, new Promise((done) => setTimeout(done, withinMs))]);
  const seen = (tab, type) =>
    within(new Promise((done) => (tab.hear = (frame) => frame.type === type && done((tab[type] = frame)))));
  await Promise.all(
    tabs.map((tab) => {
      follow(tab.token, `t${tab.n}`, (frame) => tab.hear(frame)).catch(() => {});
      return seen(tab, "snapshot");
    }),
  );
  const read = tabs.filter((tab) => tab.snapshot);
  const meeting = read.map((tab) => seen(tab, "new-match"));
  await Promise.all(read.map((tab) => call("/v1/join", { intent: 1 }, tab.token).catch(() => {})));
  await Promise.all(meeting);
  closing.abort();
  await Promise.all(read.map((tab) => call("/v1/leave", { intent: 2 }, tab.token).catch(() => {})));
  const used = performance.getEntriesByType("resource").filter((entry) => entry.name.includes("/v1/sessions"));
  return {
    read: read.length,
    met: read.map((tab) => tab["new-match"]?.match).filter(Boolean),
    protocols: [...new Set(used.map((entry) => entry.nextHopProtocol))],
  };
}
