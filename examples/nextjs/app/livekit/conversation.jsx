"use client";

import { LiveKitRoom, RoomAudioRenderer, useRoomContext, useTracks, VideoTrack } from "@livekit/components-react";
import { useDuologue } from "duologue/react";
import { Track } from "livekit-client";
import { useEffect } from "react";
import { session } from "../session.js";

export function Conversation({ name }) {
  const { isConnected, link, state, match, partner, livekit, messages, start, skip, stop, say, sawFace, attach, takeOver } = useDuologue({ session });

  return (
    <main>
      <p>
        You are {name}. <span id="status">{isConnected ? state?.state : link}</span>
        {partner !== null && ` with ${partner.alias}${partner.isGone ? ", reconnecting" : ""}`}
      </p>
      {livekit === null ? (
        <video id="partner" />
      ) : (
        // A room is one match's; its key makes the next match's a new one.
        <LiveKitRoom key={livekit.room} serverUrl={livekit.url} token={livekit.token} audio video options={{ adaptiveStream: true, dynacast: true }}>
          <Pings attach={attach} />
          <Partner onSeen={() => sawFace(match)} />
          <RoomAudioRenderer />
        </LiveKitRoom>
      )}
      <div className="buttons">
        <button id="start" onClick={() => start()} disabled={state?.state !== "idle"}>Start</button>
        <button id="next" onClick={skip} disabled={match === null}>Next</button>
        <button id="stop" onClick={stop} disabled={state === null || state.state === "idle"}>Stop</button>
        {(link === "elsewhere" || link === "taken-over") && <button onClick={takeOver}>Go on here</button>}
      </div>
      <ul id="chat">
        {messages.map(({ key, n, from, text }) => (
          <li key={key ?? n}>{`${from}: ${text}`}</li>
        ))}
      </ul>
      <form action={(form) => say(form.get("text"))}>
        <input name="text" autoComplete="off" required maxLength={2000} disabled={match === null} placeholder="Say something" />
        <button>Send</button>
      </form>
    </main>
  );
}

/** A partner whose browser freezes is known after 3 s then; LiveKit by itself takes more than 20. */
function Pings({ attach }) {
  const room = useRoomContext();
  useEffect(() => attach(room), [attach, room]);
  return null;
}

function Partner({ onSeen }) {
  const theirs = useTracks([Track.Source.Camera]).find(({ participant }) => !participant.isLocal);
  return theirs === undefined ? <video id="partner" /> : <VideoTrack id="partner" trackRef={theirs} onPlaying={onSeen} />;
}
