// `window.rtcpeerDemo`: the page for programs. Everything returned is plain JSON; peers are named by id or by name.

import { describe } from "./room.js";

export function demo(app, room) {
  const errors = [];
  app.on("error", ({ code, message }) => errors.push({ code, message }));

  function idOf(idOrName) {
    if (idOrName === undefined) return app.selected;
    if (app.peers.has(idOrName)) return idOrName;
    return [...app.peers.values()].findLast((peer) => peer.name === idOrName)?.id ?? idOrName;
  }

  function sessionOf(idOrName) {
    const session = app.sessions.get(idOf(idOrName));
    if (!session) throw new Error(`There is no connection to ${idOrName ?? "anybody"}.`);
    return session;
  }

  return {
    get state() {
      return {
        signaling: app.signaling.status,
        id: app.signaling.id,
        room: app.room,
        name: app.name,
        mode: app.mode,
        selected: app.selected,
        peers: [...app.peers.values()].map((peer) => ({ ...peer, session: sessionState(app.sessions.get(peer.id)) })),
        errors,
      };
    },

    /** Resolves to our id, rejects with the server's refusal. */
    join({ room: roomName, name }) {
      return new Promise((resolve, reject) => {
        const ended = [
          app.signaling.on("joined", ({ id }) => settle(resolve, id)),
          app.signaling.on("error", ({ code, message }) => settle(reject, new Error(`${code}: ${message}`))),
        ];
        const settle = (how, value) => {
          for (const end of ended) end();
          how(value);
        };
        app.join(roomName, name);
      });
    },

    leave: () => app.leave(),
    setMode: (mode) => room.setMode(mode),
    select: (peer) => app.select(idOf(peer)),

    /** Resolves once text can be sent. */
    connect(peer) {
      const session = app.connect(idOf(peer));
      if (session.isReady) return Promise.resolve(sessionState(session));
      return new Promise((resolve, reject) => {
        session.on("ready", () => resolve(sessionState(session)));
        session.on("closed", ({ reason }) => reject(new Error(reason)));
      });
    },

    disconnect: (peer) => app.disconnect(idOf(peer)),
    restart: (peer) => sessionOf(peer).restart(),
    sendText: (text, peer) => sessionOf(peer).sendText(text),
    messages: (peer) => sessionOf(peer).items.filter(({ kind }) => kind === "text").map(({ from, text }) => ({ from, text })),
    echo: (sizes, peer) => sessionOf(peer).echo(sizes),

    /** Send "camera", "camera:DEVICE" or "generated"; called again it switches. */
    startMedia: (source, peer) => sessionOf(peer).call.start(source),
    stopMedia: (peer) => sessionOf(peer).call.stop(),
    mute: (kind, isMuted, peer) => sessionOf(peer).call.mute(kind, isMuted),
    setCodec: (kind, name, peer) => sessionOf(peer).call.setCodec(kind, name),
    setSimulcast: (isWanted, peer) => sessionOf(peer).call.setSimulcast(isWanted),
    media(peer) {
      const { call, media } = sessionOf(peer);
      const received = [...call.received].map(([id, stream]) => ({ id, kinds: stream.getTracks().map(({ kind }) => kind).sort() }));
      const { source, muted, codecs, simulcast } = call;
      return { source, muted, codecs, simulcast, received, streams: media.streams, latest: media.latest, samples: media.samples.length };
    },

    /** Resolves once the peer has confirmed it by its checksum; rejects if the file did not get there. */
    async sendFile(blob, name, peer) {
      const transfer = await sessionOf(peer).sendFile(blob, name).finished;
      if (transfer.status !== "done") throw new Error(transfer.error);
      return transferState(transfer);
    },

    files: (peer) => sessionOf(peer).transfers.map(transferState),
    received: (peer) => sessionOf(peer).transfers.filter(({ direction }) => direction === "in").map(transferState),
    timeline: (peer) => sessionOf(peer).peer.timeline,
    candidates(peer) {
      const { localCandidates, remoteCandidates } = sessionOf(peer).peer;
      return { local: localCandidates, remote: remoteCandidates };
    },
    stats(peer) {
      const { pair, latest, samples } = sessionOf(peer).stats;
      return { pair, latest, samples: samples.length };
    },
    /** The RTCPeerConnection itself, for what is not foreseen here. */
    peerConnection: (peer) => sessionOf(peer).peer.pc,
  };
}

function sessionState(session) {
  if (!session) return null;
  const { trickle, states, connectedAfter } = session.peer;
  return {
    ...states,
    trickle,
    connectedAfter,
    ready: session.isReady,
    closed: session.isClosed,
    status: describe(session).status,
    maxMessageSize: Math.min(session.maxMessageSize, Number.MAX_SAFE_INTEGER),
  };
}

function transferState({ name, size, bytes, direction, status, error, sha256, seconds }) {
  return { name, size, bytes, direction, status, error, sha256, seconds };
}
