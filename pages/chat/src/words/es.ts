import { numbers, time, value } from "../values.ts";
import type { Language } from "../words.ts";

const { number, plural } = numbers("es");

/** Spanish, with "tú". */
export const words: Language = (name) => ({
  lang: "es",
  dir: "ltr",
  title: { base: name, found: `Hay alguien · ${name}`, waiting: `Buscando… · ${name}`, stillThere: `¿Sigues ahí? · ${name}` },
  page: { description: "Conoce a alguien nuevo, cara a cara, una conversación cada vez." },
  rules: {
    age: "Solo mayores de 18.",
    ageDetail: "Los menores de 18 años no pueden participar.",
    kind: "Sé amable.",
    kindDetail: "Nada de desnudos, amenazas, odio ni grabaciones de otras personas. A quien no lo respete se le puede denunciar y bloquear.",
    address: "Tu dirección de red puede verse.",
    addressDetail:
      "Si este sitio no los envía por un servidor propio, la imagen y el sonido van directos a la otra persona, cuyo dispositivo puede ver " +
      "tu dirección IP y, con ella, dónde estás más o menos.",
    consent: "Tengo 18 años o más y acepto las reglas.",
  },
  choices: {
    title: "A quién conocer",
    optional: "(opcional)",
    interests: "Intereses",
    interestsExample: "música, senderismo",
    interestsHint: "Pulsa Intro o escribe una coma tras cada uno. Primero verás a gente que comparte alguno; al cabo de un rato, a cualquiera.",
    interestsYours: "Tus intereses",
    interestsRefused: {
      long: "Un interés puede tener hasta 64 caracteres. Acórtalo, por favor.",
      many: "Ya tienes 16 intereses y no caben más. Quita uno primero.",
    },
    remove: (interest) => `Quitar ${value(interest)}`,
    added: (interests) => `Añadido: ${value(interests)}`,
    removed: (interest) => `Quitado: ${value(interest)}`,
    language: "Idioma",
    anyLanguage: "Cualquiera",
    autoNext: "Seguir automáticamente al acabar una conversación",
  },
  site: {
    language: "Idioma de esta página",
    links: "Sobre este sitio",
    rules: "Reglas",
    privacy: "Privacidad",
    imprint: "Aviso legal",
    newVersion: "Hay una versión nueva de esta página.",
    reload: "Recargar",
  },
  welcome: {
    greeting: "Conoce a alguien nuevo",
    lead:
      "Te encuentras cara a cara con otra persona, elegida al azar. Hablad cuanto queráis. " +
      "Cuando alguno pulse Siguiente, cada uno conocerá a otra persona.",
    resting: {
      never: "",
      left: "",
      "you-were-away": "Has estado un rato fuera, así que te hemos sacado de la cola. Pulsa Empezar cuando vuelvas.",
      "one-conversation": "Esa conversación ha terminado. Pulsa Empezar cuando quieras conocer a la siguiente persona.",
      warned: "",
      banned: "",
      removed: "Un moderador ha terminado esa conversación. Por favor, respeta las normas.",
    },
    second: "En esta pestaña eres otra persona. Pulsa Empezar para encontrarte con la de la otra pestaña.",
    start: "Empezar",
    startSound: "Empezar solo con sonido",
    startText: "Empezar solo con texto",
    agreeFirst: "Antes confirma que tienes 18 años o más y que aceptas las reglas.",
  },
  camera: {
    region: "Tu cámara y tu micrófono",
    turnOn: "Encender",
    again: "Reintentar",
    level: "El volumen de tu micrófono",
    camera: "Cámara",
    microphone: "Micrófono",
    off: "Tu cámara y tu micrófono están apagados.",
    asking: "Tu navegador te está pidiendo permiso…",
    refused:
      "El navegador no tiene permiso para usar tu cámara ni tu micrófono. Puedes dárselo en la barra de direcciones y reintentarlo, " +
      "o empezar solo con texto.",
    missing: "No se ha encontrado ninguna cámara ni micrófono. Puedes empezar solo con texto.",
    busy: "Otro programa está usando la cámara o el micrófono. Ciérralo y reinténtalo, o empieza solo con texto.",
    insecure: "Aquí no hay cámara ni micrófono: los navegadores solo los permiten en direcciones con https, y esta es http.",
    insecureHere:
      "Para tener https en esta red, detén Duologue en el ordenador donde funciona, inícialo con «duologue serve --lan» y abre la " +
      "dirección https que muestre. O empieza ahora solo con texto.",
    insecureSite: "Abre esta dirección con https:// delante. Si no funciona, pregunta al responsable del sitio. O empieza ahora solo con texto.",
    noCamera: "Sin cámara: la otra persona te oirá, pero no te verá.",
    noMicrophone: "Sin micrófono: la otra persona te verá, pero no te oirá.",
    unnamedCamera: (place) => `Cámara ${place}`,
    unnamedMicrophone: (place) => `Micrófono ${place}`,
  },
  devices: {
    starting: "Tu cámara se está encendiendo…",
    cancel: "Cancelar",
    cancelled: { camera: "Cancelar la cámara", microphone: "Cancelar el micrófono" },
    keepOff: { camera: "Dejarla apagada", microphone: "Seguir en silencio" },
    trouble: {
      camera: {
        refused: (again) => `El navegador no tiene permiso para usar tu cámara. Dáselo en la barra de direcciones y pulsa ${again}.`,
        missing: () => "No se ha encontrado ninguna cámara, así que no se te ve. Si tienes una, conéctala.",
        busy: (again) => `Otro programa está usando tu cámara. Ciérralo y pulsa ${again}.`,
        unplugged: () => "Tu cámara se ha desconectado. Conéctala para que te vuelvan a ver.",
        stopped: (again) => `Tu cámara se ha parado. Pulsa ${again} para que te vuelvan a ver.`,
        withdrawn: () => "El navegador ya no puede usar tu cámara. Dale permiso en la barra de direcciones para que te vuelvan a ver.",
      },
      microphone: {
        refused: (again) => `El navegador no tiene permiso para usar tu micrófono. Dáselo en la barra de direcciones y pulsa ${again}.`,
        missing: () => "No se ha encontrado ningún micrófono, así que no se te oye. Si tienes uno, conéctalo.",
        busy: (again) => `Otro programa está usando tu micrófono. Ciérralo y pulsa ${again}.`,
        unplugged: () => "Tu micrófono se ha desconectado. Conéctalo para que te vuelvan a oír.",
        stopped: (again) => `Tu micrófono se ha parado. Pulsa ${again} para que te vuelvan a oír.`,
        withdrawn: () => "El navegador ya no puede usar tu micrófono. Dale permiso en la barra de direcciones para que te vuelvan a oír.",
      },
    },
    other: {
      busy: {
        camera: "Otro programa está usando esa cámara, así que sigue la de antes. Cierra el programa y elígela otra vez.",
        microphone: "Otro programa está usando ese micrófono, así que sigue el de antes. Cierra el programa y elígelo otra vez.",
      },
      missing: {
        camera: "No se ha encontrado esa cámara, así que sigue la de antes. ¿Está conectada?",
        microphone: "No se ha encontrado ese micrófono, así que sigue el de antes. ¿Está conectado?",
      },
      refused: {
        camera: "El navegador no tiene permiso para usar esa cámara, así que sigue la de antes. Puedes dárselo en la barra de direcciones.",
        microphone: "El navegador no tiene permiso para usar ese micrófono, así que sigue el de antes. Puedes dárselo en la barra de direcciones.",
      },
    },
    held: {
      camera: "Tu dispositivo ha apagado la cámara, por un botón o una llamada. Se te volverá a ver cuando la libere.",
      microphone: "Tu dispositivo ha silenciado el micrófono, por un botón o una llamada. Se te volverá a oír cuando lo libere.",
    },
    back: { camera: "Tu cámara ha vuelto.", microphone: "Tu micrófono ha vuelto." },
    another: { camera: "otra cámara", microphone: "otro micrófono" },
    using: (device) => `Ahora se usa: ${device}.`,
  },
  stage: {
    heading: "Tu conversación",
    theirs: "La otra persona",
    hear: "Toca para oír",
    muted: "En silencio",
    meOff: "Tu cámara está apagada",
    meNone: "Estás aquí sin cámara",
  },
  second: {
    open: "Abrir una segunda persona",
    another: "Abrir otra persona",
    apart:
      "Acabáis de encontraros, así que esperáis un momento o más antes de volver a veros. Tras un bloqueo, no os veréis nunca más. " +
      "Otra persona te encuentra enseguida.",
  },
  chat: {
    region: "Chat de texto",
    messages: "Mensajes",
    message: "Mensaje",
    placeholder: "Escribe un mensaje",
    placeholderNobody: "Aún no hay nadie",
    send: "Enviar",
  },
  tooLong: {
    by: (over, most) =>
      `${plural(over, { one: "Sobra", other: "Sobran" })} ${number(over)} ${plural(over, { one: "carácter", other: "caracteres" })}. ` +
      `Se pueden enviar hasta ${number(most)}.`,
    said: "Es demasiado largo para enviarlo. No se pierde nada.",
    shorten: "Es demasiado largo para enviarlo. Acórtalo primero; no se pierde nada.",
  },
  status: {
    loading: "Conectando…",
    looking: "Buscando a alguien…",
    alone: "Aún no hay nadie más",
    here: (people) => `${number(people)} ${plural(people, { one: "persona", other: "personas" })} en línea`,
    online: (others) => `${number(others)} ${plural(others, { one: "persona más", other: "personas más" })} en línea`,
    again: "Acabáis de encontraros. Si no viene nadie más, os volvéis a ver enseguida.",
    againIn: (seconds) => `En ${number(seconds)} s`,
    waited: (seconds) => `Llevas esperando ${value(time(seconds))}`,
    connecting: "Hay alguien aquí",
    connectingDetail: "Os estamos conectando…",
    talking: (alias) => (alias === "" ? "Ya podéis hablar. ¡Saluda!" : `Estás hablando con ${value(alias)}. ¡Saluda!`),
    writing: (alias) => (alias === "" ? "Ya podéis escribiros. ¡Saluda!" : `Te estás escribiendo con ${value(alias)}. ¡Saluda!`),
    reconnecting: "Volviendo a conectar…",
    reconnectingDetail: "Espera un momento o pulsa Siguiente.",
    limited: {
      pages: "La otra página se ha recargado demasiadas veces y ya no hay conexión con ella. Pulsa Siguiente para conocer a otra persona.",
      flood: "La otra página ha enviado demasiados datos y se ha cerrado la conexión. Pulsa Siguiente para conocer a otra persona.",
    },
    finding: "Buscando a la siguiente persona…",
    noVideo: "Ahora mismo no hay vídeo",
    noVideoDetail: "Conservas tu sitio. En cuanto vuelva, te buscamos a alguien.",
    leaving: "Saliendo…",
  },
  stillThere: {
    title: "¿Sigues ahí?",
    detail: "En tus últimas conversaciones no has pulsado, escrito ni dicho nada. No buscaremos a nadie más hasta que pulses el botón.",
    yes: "Sí, busca a la siguiente persona",
  },
  ended: {
    skipped: "",
    "partner-skipped": "La otra persona se ha ido.",
    left: "",
    "partner-left": "La otra persona se ha ido.",
    "partner-lost": "La otra persona ha perdido la conexión.",
    "no-show": "La otra persona no ha aparecido.",
    "media-failed": "No se ha podido conectaros.",
    "media-unavailable": "El servidor de vídeo no ha respondido.",
    "you-were-away": "No estabas.",
  },
  failure: {
    noWay:
      "No había un camino directo entre vuestras dos redes, y este sitio no ofrece otro. " +
      "Su responsable puede añadir un servidor STUN o TURN (DUOLOGUE_ICE_SERVERS).",
    noWayAtAll: "No había ningún camino entre vuestras dos redes. Puede deberse a una VPN o a un cortafuegos de cualquiera de los dos.",
    noAnswer: "El otro navegador no ha contestado a la llamada. Por lo que se ve aquí, el tuyo está bien.",
    browser: "Tu navegador no ha establecido la conexión para la llamada. Cierra otras pestañas con llamadas o reinicia el navegador, y reinténtalo.",
  },
  limits: {
    requests: "Este navegador es demasiado antiguo para esta página. Usa otro o actualízalo.",
    webrtc: "Este navegador no puede hacer llamadas aquí: le falta WebRTC o está desactivado. Puedes escribirte con gente o usar otro navegador.",
    codecs: "Este navegador no puede enviar ni sonido ni imagen. Puedes escribirte con gente o usar otro navegador.",
    cookies: "Este navegador bloquea las cookies de esta página. Puedes participar, pero al recargar serás una persona nueva.",
    word: "Solo texto en este navegador",
  },
  partner: {
    cameraOff: "Su cámara está apagada",
    muted: "Su micrófono está apagado",
    hidden: "Se ha ausentado",
    nobody: "Aún sin imagen",
    writes: "Esta persona solo puede escribir: su navegador no puede hacer llamadas. No te ve ni te oye.",
    youWrite: "Os escribís: tu navegador no puede hacer llamadas, así que no os veis ni os oís.",
  },
  quality: {
    good: "Buena conexión",
    own: "Tu conexión es débil",
    ownLost: "Has perdido la conexión",
    theirs: "Su conexión es débil",
    theirsLost: "Ha perdido la conexión",
    held: "Conexión débil: primero el sonido",
  },
  link: {
    away: "No se puede acceder al servidor. Seguimos intentándolo y conservas tu sitio.",
    awayTalking: "No se puede acceder al servidor. Vuestra conversación sigue; seguimos intentándolo.",
    networkFull: "Hay demasiada gente usando tu conexión en este momento. Esta página sigue intentándolo. También puedes probar otra red.",
    blocked:
      "Algo en este dispositivo o en esta red bloquea las novedades en directo de este sitio. Permítelas en tu bloqueador de contenido o prueba " +
      "otro navegador u otra red. Esta página sigue intentándolo.",
    blockedTalking:
      "Algo en este dispositivo o en esta red bloquea las novedades en directo de este sitio. Vuestra conversación sigue. " +
      "Permítelas en tu bloqueador de contenido; esta página sigue intentándolo.",
    never:
      "Esta página no puede acceder a su servidor. Si otros sitios funcionan, puede ser un bloqueador de contenido o tu red: " +
      "permite este sitio o prueba otro navegador. Esta página sigue intentándolo.",
  },
  unkept: "Este navegador bloquea las cookies de esta página. Puedes hablar igualmente, pero al recargar serás una persona nueva.",
  over: {
    elsewhere: "Abierto en otra pestaña",
    elsewhereDetail: `${name} funciona en una sola pestaña a la vez. Cuando cierres la otra, sigue aquí.`,
    takenOver: "Abierto en otro sitio",
    takenOverDetail: `${name} funciona en un solo sitio a la vez, y otra página o dispositivo tuyo ha tomado el relevo.`,
    here: "Usarlo aquí",
    ended: "Tu sesión ha terminado",
    endedDetail: "Ha caducado. Puedes empezar una nueva.",
    refused:
      "Este navegador bloquea las cookies de esta página, y la otra manera de identificarte también ha sido rechazada. " +
      "Permite las cookies de esta dirección y empieza de nuevo.",
    again: "Empezar de nuevo",
  },
  sanction: {
    out: (until) => `No puedes participar hasta el ${value(until)}.`,
    rule: (rule, why) => `La norma: ${value(rule)}. Qué pasó: ${value(why)}`,
    decided: { person: "Lo ha decidido un moderador.", machine: "Se ha decidido automáticamente, y un moderador lo revisará." },
    appeal: "Si crees que es un error, escribe al responsable de este sitio.",
    warned: "Un moderador te ha avisado",
    warnedTalking: (rule) => `Un moderador te ha avisado (${value(rule)}). Podrás leerlo todo después de esta conversación.`,
    confirm: "Lo he leído",
  },
  controls: {
    group: "Controles",
    next: "Siguiente",
    stop: "Parar",
    report: "Denunciar y seguir",
    more: "Más",
    close: "Cerrar",
    flip: "Cambiar a la otra cámara",
    block: "Bloquear a esta persona y seguir",
    blockPrevious: "Bloquear a la persona anterior",
    reportPrevious: "Denunciar a la persona anterior",
    mute: "Silenciar",
    unmute: "Activar sonido",
    cameraOff: "Apagar cámara",
    cameraOn: "Encender cámara",
    escape: "Esc: siguiente",
  },
  report: {
    question: "¿Qué ha pasado?",
    more: "Cuéntanos más",
    hint: "El responsable del sitio recibe esto con los mensajes de esa conversación. A la otra persona no se le dice nada.",
    cancel: "Cancelar",
    titles: { current: "Denunciar a esta persona", previous: "Denunciar a la persona anterior", earlier: "Denunciar a alguien de antes" },
    send: "Denunciar",
    sendAndNext: "Denunciar y seguir",
    reasons: {
      nudity: "Desnudez o conducta sexual",
      minor: "Parece menor de 18 años",
      violence: "Violencia o amenazas",
      harassment: "Insultos o acoso",
      spam: "Publicidad, una grabación o un bot",
      other: "Otra cosa",
    },
  },
  said: {
    blocked: "Bloqueado. No volverás a ver a esta persona ni su navegador y, durante un día, a nadie de su red.",
    reported: "Gracias. El responsable ya tiene tu denuncia. No volverás a ver a esta persona ni su navegador y, durante un día, a nadie de su red.",
    notKept: "Esta persona está bloqueada. Ahora no hay espacio para tu denuncia, así que se volverá a enviar hasta que lo haya.",
    tooLate: "Ha pasado demasiado tiempo desde esa conversación.",
    failed: "No ha funcionado. Inténtalo de nuevo.",
    unknownPool: "Esta dirección nombra una sala que no existe aquí.",
    newRules: "Las reglas han cambiado. Vuelve a cargar esta página, léelas y acéptalas de nuevo.",
    notSent: "no enviado",
    full: "no enviado: has escrito todo lo que cabe en una conversación",
    refused: "no enviado: este sitio solo acepta mensajes más cortos",
    again: "Reintentar",
    you: "Tú",
    stranger: "Desconocido",
  },
});
