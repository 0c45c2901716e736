import { numbers, time, value } from "../values.ts";
import type { Language } from "../words.ts";

const { number, plural } = numbers("de");

/** German, with "du". */
export const words: Language = (name) => ({
  lang: "de",
  dir: "ltr",
  title: { base: name, found: `Jemand ist da · ${name}`, waiting: `Suche läuft… · ${name}`, stillThere: `Noch da? · ${name}` },
  page: { description: "Lerne neue Leute kennen: von Angesicht zu Angesicht, ein Gespräch nach dem anderen." },
  rules: {
    age: "Ab 18.",
    ageDetail: "Wer jünger ist, darf nicht mitmachen.",
    kind: "Sei freundlich.",
    kindDetail: "Keine Nacktheit, keine Drohungen, kein Hass, keine Aufnahmen von anderen. Wer sich nicht daran hält, kann gemeldet und blockiert werden.",
    address: "Deine Netzadresse kann sichtbar sein.",
    addressDetail:
      "Wenn diese Seite Bild und Ton nicht über einen eigenen Server leitet, gehen sie direkt an die andere Person. Deren Gerät sieht " +
      "dann deine IP-Adresse und damit ungefähr, wo du bist.",
    consent: "Ich bin mindestens 18 und stimme den Regeln zu.",
  },
  choices: {
    title: "Wen du treffen willst",
    optional: "(freiwillig)",
    interests: "Interessen",
    interestsExample: "Musik, Wandern",
    interestsHint: "Drücke nach jedem Enter oder Komma. Zuerst triffst du Leute, die eins davon teilen, nach einer Weile alle.",
    interestsYours: "Deine Interessen",
    interestsRefused: {
      long: "Ein Interesse darf höchstens 64 Zeichen haben. Bitte kürze es.",
      many: "Du hast schon 16 Interessen, mehr geht nicht. Entferne zuerst eins.",
    },
    remove: (interest) => `${value(interest)} entfernen`,
    added: (interests) => `Hinzugefügt: ${value(interests)}`,
    removed: (interest) => `Entfernt: ${value(interest)}`,
    language: "Sprache",
    anyLanguage: "Egal",
    autoNext: "Nach jedem Gespräch automatisch weiter",
  },
  site: {
    language: "Sprache dieser Seite",
    links: "Über diese Seite",
    rules: "Regeln",
    privacy: "Datenschutz",
    imprint: "Impressum",
    newVersion: "Es gibt eine neue Version dieser Seite.",
    reload: "Neu laden",
  },
  welcome: {
    greeting: "Lerne jemanden kennen",
    lead:
      "Du triffst eine andere Person, zufällig ausgewählt, von Angesicht zu Angesicht. Redet, so lange ihr beide wollt. " +
      "Sobald jemand von euch „Weiter“ drückt, geht es für beide mit anderen weiter.",
    resting: {
      never: "",
      left: "",
      "you-were-away": "Du warst eine Weile weg, deshalb haben wir dich aus der Warteschlange genommen. Drücke „Start“, wenn du wieder da bist.",
      "one-conversation": "Dieses Gespräch ist vorbei. Drücke „Start“, wenn du die nächste Person treffen willst.",
    },
    second: "In diesem Tab bist du jemand anderes. Drücke „Start“, um die Person im anderen Tab zu treffen.",
    start: "Start",
    startSound: "Nur mit Ton starten",
    startText: "Nur mit Text starten",
    agreeFirst: "Bitte bestätige zuerst, dass du mindestens 18 bist und den Regeln zustimmst.",
  },
  camera: {
    region: "Deine Kamera und dein Mikrofon",
    turnOn: "Einschalten",
    again: "Noch einmal",
    level: "Wie laut dein Mikrofon ist",
    camera: "Kamera",
    microphone: "Mikrofon",
    off: "Deine Kamera und dein Mikrofon sind aus.",
    asking: "Dein Browser fragt dich um Erlaubnis…",
    refused:
      "Der Browser darf deine Kamera und dein Mikrofon nicht benutzen. Erlaube es in der Adressleiste und versuche es noch einmal, " +
      "oder starte nur mit Text.",
    missing: "Keine Kamera und kein Mikrofon gefunden. Du kannst nur mit Text starten.",
    busy: "Ein anderes Programm benutzt die Kamera oder das Mikrofon. Schließe es und versuche es noch einmal, oder starte nur mit Text.",
    insecure: "Hier gibt es weder Kamera noch Mikrofon: Browser erlauben sie nur auf Adressen mit https, und diese hat http.",
    insecureHere:
      "Für https in diesem Netz beende Duologue auf dem Computer, auf dem es läuft, starte es mit „duologue serve --lan“ und öffne die " +
      "https-Adresse, die dort erscheint. Oder starte jetzt nur mit Text.",
    insecureSite: "Öffne diese Adresse mit https:// davor. Wenn das nicht klappt, frage den Betreiber der Seite. Oder starte jetzt nur mit Text.",
    noCamera: "Keine Kamera: Die andere Person hört dich, sieht dich aber nicht.",
    noMicrophone: "Kein Mikrofon: Die andere Person sieht dich, hört dich aber nicht.",
    unnamedCamera: (place) => `Kamera ${place}`,
    unnamedMicrophone: (place) => `Mikrofon ${place}`,
  },
  devices: {
    starting: "Deine Kamera startet…",
    cancel: "Abbrechen",
    cancelled: { camera: "Abbrechen: Kamera", microphone: "Abbrechen: Mikrofon" },
    keepOff: { camera: "Aus lassen", microphone: "Stumm bleiben" },
    trouble: {
      camera: {
        refused: (again) => `Der Browser durfte deine Kamera nicht benutzen. Erlaube es in der Adressleiste und drücke dann ${again}.`,
        missing: () => "Keine Kamera gefunden, du bist also nicht zu sehen. Falls du eine hast, schließe sie an.",
        busy: (again) => `Ein anderes Programm benutzt deine Kamera. Schließe es und drücke dann ${again}.`,
        unplugged: () => "Deine Kamera wurde getrennt. Schließe sie an, damit man dich wieder sieht.",
        stopped: (again) => `Deine Kamera hat angehalten. Drücke ${again}, damit man dich wieder sieht.`,
        withdrawn: () => "Der Browser darf deine Kamera nicht mehr benutzen. Erlaube es in der Adressleiste, damit man dich wieder sieht.",
      },
      microphone: {
        refused: (again) => `Der Browser durfte dein Mikrofon nicht benutzen. Erlaube es in der Adressleiste und drücke dann ${again}.`,
        missing: () => "Kein Mikrofon gefunden, du bist also nicht zu hören. Falls du eins hast, schließe es an.",
        busy: (again) => `Ein anderes Programm benutzt dein Mikrofon. Schließe es und drücke dann ${again}.`,
        unplugged: () => "Dein Mikrofon wurde getrennt. Schließe es an, damit man dich wieder hört.",
        stopped: (again) => `Dein Mikrofon hat angehalten. Drücke ${again}, damit man dich wieder hört.`,
        withdrawn: () => "Der Browser darf dein Mikrofon nicht mehr benutzen. Erlaube es in der Adressleiste, damit man dich wieder hört.",
      },
    },
    other: {
      busy: {
        camera: "Ein anderes Programm benutzt diese Kamera, deshalb bleibt die bisherige an. Schließe das Programm und wähle sie noch einmal.",
        microphone: "Ein anderes Programm benutzt dieses Mikrofon, deshalb bleibt das bisherige an. Schließe das Programm und wähle es noch einmal.",
      },
      missing: {
        camera: "Diese Kamera wurde nicht gefunden, deshalb bleibt die bisherige an. Ist sie angeschlossen?",
        microphone: "Dieses Mikrofon wurde nicht gefunden, deshalb bleibt das bisherige an. Ist es angeschlossen?",
      },
      refused: {
        camera: "Der Browser durfte diese Kamera nicht benutzen, deshalb bleibt die bisherige an. Du kannst es in der Adressleiste erlauben.",
        microphone: "Der Browser durfte dieses Mikrofon nicht benutzen, deshalb bleibt das bisherige an. Du kannst es in der Adressleiste erlauben.",
      },
    },
    held: {
      camera: "Dein Gerät hat die Kamera ausgeschaltet, durch eine Taste oder einen Anruf. Sobald es sie freigibt, bist du wieder zu sehen.",
      microphone: "Dein Gerät hat das Mikrofon stummgeschaltet, durch eine Taste oder einen Anruf. Sobald es es freigibt, bist du wieder zu hören.",
    },
    back: { camera: "Deine Kamera ist wieder da.", microphone: "Dein Mikrofon ist wieder da." },
    another: { camera: "eine andere Kamera", microphone: "ein anderes Mikrofon" },
    using: (device) => `Jetzt in Benutzung: ${device}.`,
  },
  stage: {
    heading: "Dein Gespräch",
    theirs: "Die andere Person",
    hear: "Ton einschalten",
    muted: "Stumm",
    meOff: "Deine Kamera ist aus",
    meNone: "Du bist ohne Kamera hier",
  },
  second: {
    open: "Eine zweite Person öffnen",
    another: "Noch eine Person öffnen",
    apart:
      "Ihr habt euch gerade erst getroffen, deshalb dauert es einen Moment oder länger, bis ihr euch wiederseht. Nach einer Blockierung " +
      "nie mehr. Eine neue Person trifft dich sofort.",
  },
  chat: {
    region: "Textchat",
    messages: "Nachrichten",
    message: "Nachricht",
    placeholder: "Schreib etwas",
    placeholderNobody: "Noch niemand da",
    send: "Senden",
  },
  tooLong: {
    by: (over, most) => `${number(over)} Zeichen zu viel. Höchstens ${number(most)} können gesendet werden.`,
    said: "Das ist zu lang zum Senden. Nichts davon geht verloren.",
    shorten: "Das ist zu lang zum Senden. Bitte kürze es zuerst, nichts davon geht verloren.",
  },
  status: {
    loading: "Verbinden…",
    looking: "Wir suchen jemanden für dich…",
    alone: "Noch niemand sonst da",
    here: (people) => `${number(people)} ${plural(people, { one: "Person", other: "Leute" })} online`,
    online: (others) => `${number(others)} ${plural(others, { one: "andere Person", other: "andere Leute" })} online`,
    again: "Ihr habt euch gerade getroffen. Wenn sonst niemand kommt, seht ihr euch gleich wieder.",
    againIn: (seconds) => `In ${number(seconds)} s`,
    waited: (seconds) => `Du wartest seit ${value(time(seconds))}`,
    connecting: "Jemand ist da",
    connectingDetail: "Wir verbinden euch…",
    talking: (alias) => (alias === "" ? "Ihr sprecht miteinander. Sag Hallo!" : `Du sprichst mit ${value(alias)}. Sag Hallo!`),
    writing: (alias) => (alias === "" ? "Ihr schreibt miteinander. Sag Hallo!" : `Du schreibst mit ${value(alias)}. Sag Hallo!`),
    reconnecting: "Verbindung wird wiederhergestellt…",
    reconnectingDetail: "Warte kurz, oder drücke „Weiter“.",
    limited: {
      pages: "Die andere Seite wurde zu oft neu geladen, deshalb besteht keine Verbindung mehr zu ihr. Drücke „Weiter“, um jemand anderen zu treffen.",
      flood: "Die andere Seite hat viel zu viel gesendet, deshalb wurde die Verbindung beendet. Drücke „Weiter“, um jemand anderen zu treffen.",
    },
    finding: "Die nächste Person wird gesucht…",
    noVideo: "Video geht gerade nicht",
    noVideoDetail: "Du behältst deinen Platz. Sobald es wieder geht, suchen wir jemanden für dich.",
    leaving: "Wird beendet…",
  },
  stillThere: {
    title: "Noch da?",
    detail: "In den letzten Gesprächen hast du nichts gedrückt, geschrieben oder gesagt. Wir suchen erst weiter, wenn du den Knopf drückst.",
    yes: "Ja, such die nächste Person",
  },
  ended: {
    skipped: "",
    "partner-skipped": "Dein Gegenüber ist gegangen.",
    left: "",
    "partner-left": "Dein Gegenüber ist gegangen.",
    "partner-lost": "Die Verbindung zu deinem Gegenüber ist abgerissen.",
    "no-show": "Niemand ist erschienen.",
    "media-failed": "Ihr konntet nicht verbunden werden.",
    "media-unavailable": "Der Videoserver hat nicht geantwortet.",
    "you-were-away": "Du warst weg.",
  },
  failure: {
    noWay:
      "Zwischen euren beiden Netzen gab es keinen direkten Weg, und diese Seite bietet keinen Umweg. " +
      "Der Betreiber kann einen STUN- oder TURN-Server hinzufügen (DUOLOGUE_ICE_SERVERS).",
    noWayAtAll: "Zwischen euren beiden Netzen gab es keinen Weg. Vielleicht liegt es an einem VPN oder einer Firewall bei einem von euch.",
    noAnswer: "Der andere Browser hat nicht geantwortet. Soweit zu erkennen ist, liegt es nicht an deinem.",
    browser: "Dein Browser hat keine Verbindung für das Gespräch aufgebaut. Schließe andere Tabs mit Anrufen oder starte den Browser neu und versuche es noch einmal.",
  },
  limits: {
    requests: "Dieser Browser ist zu alt für diese Seite. Bitte nimm einen anderen oder aktualisiere ihn.",
    webrtc: "Dieser Browser kann hier nicht anrufen: WebRTC fehlt oder ist ausgeschaltet. Du kannst mit Leuten schreiben oder einen anderen Browser nehmen.",
    codecs: "Dieser Browser kann weder Ton noch Bild senden. Du kannst mit Leuten schreiben oder einen anderen Browser nehmen.",
    cookies: "Dieser Browser blockiert Cookies für diese Seite. Du kannst mitmachen, bist nach dem Neuladen aber eine neue Person.",
    word: "In diesem Browser nur Text",
  },
  partner: {
    cameraOff: "Kamera ist aus",
    muted: "Mikrofon ist aus",
    hidden: "Kurz weg",
    nobody: "Noch kein Bild",
    writes: "Diese Person kann nur schreiben: Ihr Browser kann nicht anrufen. Sie sieht und hört dich nicht.",
    youWrite: "Ihr schreibt: Dein Browser kann nicht anrufen, deshalb seht und hört ihr euch nicht.",
  },
  quality: {
    good: "Gute Verbindung",
    own: "Deine Verbindung ist schwach",
    ownLost: "Deine Verbindung ist weg",
    theirs: "Schwache Verbindung drüben",
    theirsLost: "Verbindung drüben ist weg",
    held: "Schwache Verbindung: Ton zuerst",
  },
  link: {
    away: "Der Server ist nicht erreichbar. Wir versuchen es weiter, du behältst deinen Platz.",
    awayTalking: "Der Server ist nicht erreichbar. Euer Gespräch geht weiter, und wir versuchen es weiter.",
    networkFull: "Über deine Internetverbindung sind gerade zu viele Leute hier. Diese Seite versucht es weiter. Du kannst auch ein anderes Netz probieren.",
    blocked:
      "Etwas auf diesem Gerät oder in diesem Netz blockiert die laufenden Nachrichten dieser Seite. Erlaube sie in deinem Werbeblocker, oder " +
      "probiere einen anderen Browser oder ein anderes Netz. Diese Seite versucht es weiter.",
    blockedTalking:
      "Etwas auf diesem Gerät oder in diesem Netz blockiert die laufenden Nachrichten dieser Seite. Euer Gespräch geht weiter. " +
      "Erlaube sie in deinem Werbeblocker. Diese Seite versucht es weiter.",
    never:
      "Diese Seite erreicht ihren Server nicht. Wenn andere Seiten gehen, kann ein Werbeblocker oder dein Netz der Grund sein: " +
      "Erlaube diese Seite, oder probiere einen anderen Browser. Diese Seite versucht es weiter.",
  },
  unkept: "Dieser Browser blockiert Cookies für diese Seite. Reden kannst du trotzdem, aber nach dem Neuladen bist du eine neue Person.",
  over: {
    elsewhere: "In einem anderen Tab geöffnet",
    elsewhereDetail: `${name} läuft immer nur in einem Tab. Wenn du den anderen schließt, geht es hier weiter.`,
    takenOver: "Woanders geöffnet",
    takenOverDetail: `${name} läuft immer nur an einem Ort. Eine andere Seite oder ein anderes Gerät von dir hat übernommen.`,
    here: "Hier weitermachen",
    ended: "Deine Sitzung ist zu Ende",
    endedDetail: "Sie ist abgelaufen. Du kannst eine neue beginnen.",
    banned: "Du kannst nicht mehr mitmachen. Wenn du das für einen Irrtum hältst, wende dich an den Betreiber.",
    refused:
      "Dieser Browser blockiert Cookies für diese Seite, und auch der andere Weg, dich auszuweisen, wurde abgelehnt. " +
      "Erlaube Cookies für diese Adresse und beginne neu.",
    again: "Neu beginnen",
  },
  controls: {
    group: "Steuerung",
    next: "Weiter",
    stop: "Stopp",
    report: "Melden & weiter",
    more: "Mehr",
    close: "Schließen",
    flip: "Zur anderen Kamera wechseln",
    block: "Diese Person blockieren & weiter",
    blockPrevious: "Die vorige Person blockieren",
    reportPrevious: "Die vorige Person melden",
    mute: "Stumm",
    unmute: "Ton an",
    cameraOff: "Kamera aus",
    cameraOn: "Kamera an",
    escape: "Esc: weiter",
  },
  report: {
    question: "Was ist passiert?",
    more: "Mehr dazu",
    hint: "Der Betreiber bekommt das zusammen mit den Nachrichten dieses Gesprächs. Die andere Person erfährt nichts davon.",
    cancel: "Abbrechen",
    titles: { current: "Diese Person melden", previous: "Die vorige Person melden", earlier: "Eine frühere Person melden" },
    send: "Melden",
    sendAndNext: "Melden & weiter",
    reasons: {
      nudity: "Nacktheit oder sexuelles Verhalten",
      minor: "Wirkt jünger als 18",
      violence: "Gewalt oder Drohungen",
      harassment: "Beleidigung oder Belästigung",
      spam: "Werbung, eine Aufnahme oder ein Bot",
      other: "Etwas anderes",
    },
  },
  said: {
    blocked: "Blockiert. Du triffst diese Person und ihren Browser nicht wieder, und einen Tag lang niemanden aus ihrem Netz.",
    reported: "Danke. Deine Meldung ist beim Betreiber. Du triffst diese Person und ihren Browser nicht wieder, und einen Tag lang niemanden aus ihrem Netz.",
    notKept: "Diese Person ist blockiert. Für deine Meldung ist gerade kein Platz, deshalb wird sie so lange wieder gesendet, bis er da ist.",
    tooLate: "Dieses Gespräch ist zu lange her.",
    failed: "Das hat nicht geklappt. Bitte versuche es noch einmal.",
    unknownPool: "Den Raum aus dieser Adresse gibt es hier nicht.",
    notSent: "nicht gesendet",
    full: "nicht gesendet: mehr passt nicht in ein Gespräch",
    refused: "nicht gesendet: diese Seite nimmt nur kürzere Nachrichten",
    again: "Noch einmal",
    you: "Du",
    stranger: "Gegenüber",
  },
});
