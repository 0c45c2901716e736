"use client";

import { useDuologue, Video } from "duologue/react";
import { useState } from "react";
import { session } from "./session.js";

export function Conversation({ name }) {
  const { isConnected, link, state, match, partner, messages, start, skip, stop, send, say, sawFace, takeOver } = useDuologue({ session });
  const [blocked, setBlocked] = useState(null);

  async function begin() {
    try {
      const mine = await navigator.mediaDevices.getUserMedia({ audio: true, video: true });
      send({ audio: mine.getAudioTracks()[0] ?? null, video: mine.getVideoTracks()[0] ?? null });
    } catch {
      // Without camera and microphone there is still the chat.
    }
    start();
  }

  function write(form) {
    say(form.get("text"));
  }

  return (
    <main>
      <p>
        You are {name}. <span id="status">{isConnected ? state?.state : link}</span>
        {partner !== null && ` with ${partner.alias}${partner.isGone ? ", reconnecting" : ""}`}
      </p>
      <Video id="partner" stream={partner?.stream ?? null} onFirstFrame={() => sawFace(match)} onBlocked={(play) => setBlocked(() => play)} />
      <div className="buttons">
        <button id="start" onClick={begin} disabled={state?.state !== "idle"}>Start</button>
        <button id="next" onClick={skip} disabled={match === null}>Next</button>
        <button id="stop" onClick={stop} disabled={state === null || state.state === "idle"}>Stop</button>
        {(link === "elsewhere" || link === "taken-over") && <button onClick={takeOver}>Go on here</button>}
        {blocked !== null && <button onClick={() => (blocked(), setBlocked(null))}>Tap to hear</button>}
      </div>
      <ul id="chat">
        {messages.map(({ key, n, from, text }) => (
          <li key={key ?? n}>{`${from}: ${text}`}</li>
        ))}
      </ul>
      <form action={write}>
        <input name="text" autoComplete="off" required maxLength={2000} disabled={match === null} placeholder="Say something" />
        <button>Send</button>
      </form>
    </main>
  );
}
