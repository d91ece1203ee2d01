// Who is in the room, and the session with each: the state behind the page, without the page.

import { parseIceServers } from "./candidates.js";
import { Emitter } from "./emitter.js";
import { DEFAULT_CHUNK } from "./files.js";
import { Session } from "./session.js";

/** Events: `change`, `select`, `session` (a new one), `error` {code, message}. */
export class App extends Emitter {
  peers = new Map(); // id -> {id, name, polite, present}
  sessions = new Map(); // id -> Session, closed ones too until the next
  selected = null;
  room = null;
  name = null;
  mode = "trickle";
  settings = { iceServers: "", relayOnly: false, chunk: DEFAULT_CHUNK };

  constructor(signaling) {
    super();
    this.signaling = signaling;
    signaling.on("status", () => this.emit("change"));
    signaling.on("joined", (message) => this.#joined(message));
    signaling.on("peer-joined", ({ peer }) => this.#peerJoined(peer));
    signaling.on("peer-left", (message) => this.#peerLeft(message));
    signaling.on("description", (message) => this.#description(message));
    signaling.on("candidate", ({ from, candidate }) => this.#live(from)?.peer.receiveCandidate(candidate));
    signaling.on("bye", ({ from, reason }) => this.#live(from)?.close(reason ?? "the peer disconnected"));
    signaling.on("error", (message) => this.emit("error", message));
    // Whoever closes the tab should not leave the other side waiting for a time-out.
    window.addEventListener("pagehide", () => this.#closeAll("the peer left the page"));
  }

  get session() {
    return this.sessions.get(this.selected) ?? null;
  }

  join(room, name) {
    this.room = room;
    this.name = name;
    this.signaling.join(room, name);
  }

  leave() {
    this.#closeAll("left the room");
    this.signaling.leave();
    this.peers.clear();
    this.sessions.clear();
    this.select(null);
  }

  select(id) {
    this.selected = id;
    if (this.session) this.session.unread = 0;
    this.emit("select");
    this.emit("change");
  }

  /** The session with this peer, begun if there is none. */
  connect(id) {
    let session = this.#live(id);
    if (!session) {
      session = this.#begin(id);
      session.open();
    }
    this.select(id);
    return session;
  }

  disconnect(id) {
    this.#live(id)?.close("you disconnected");
    this.signaling.sendBye(id, "the peer disconnected");
    this.#forgetAbsent(id);
  }

  #live(id) {
    const session = this.sessions.get(id);
    return session && !session.isClosed ? session : null;
  }

  #begin(id) {
    const peer = this.peers.get(id);
    if (!peer) throw new Error("This peer is not in the room.");
    const { iceServers, relayOnly, chunk } = this.settings;
    const session = new Session({
      peer,
      chunk,
      trickle: this.mode === "trickle",
      configuration: { iceServers: parseIceServers(iceServers), iceTransportPolicy: relayOnly ? "relay" : "all" },
      signaling: this.signaling,
    });
    this.sessions.set(id, session);
    session.on("change", () => this.emit("change"));
    session.on("closed", () => this.#forgetAbsent(id));
    session.on("item", (item) => {
      if (id !== this.selected && item.kind !== "note" && item.from !== "me") session.unread += 1;
      this.emit("change");
    });
    this.emit("session", session);
    return session;
  }

  #joined({ room, peers }) {
    this.room = room;
    const present = new Map(peers.map((peer) => [peer.id, { ...peer, present: true }]));
    for (const [id, peer] of this.peers) {
      const session = this.#live(id);
      // We have a new id: offers of theirs are for a new connection, though the old one may still run.
      if (session) session.isDetached = true;
      if (session && !present.has(id)) present.set(id, { ...peer, present: false });
    }
    this.peers = present;
    if (this.selected && !present.has(this.selected) && !this.session) this.selected = null;
    this.emit("select");
    this.emit("change");
  }

  #peerJoined(peer) {
    this.peers.set(peer.id, { ...peer, present: true });
    this.emit("change");
  }

  #peerLeft({ id, reason }) {
    const peer = this.peers.get(id);
    const session = this.#live(id);
    if (session?.isReady && reason !== "left") {
      // The connection needs the server no longer: only its end will show whether the peer is gone too.
      peer.present = false;
      session.note(`${peer.name} is gone from the room; the direct connection may live on.`);
    } else {
      session?.close("the peer left the room");
      this.peers.delete(id);
    }
    this.emit("change");
  }

  async #description({ from, description }) {
    let session = this.#live(from);
    if (session?.isDetached && description.type === "offer") {
      session.close("replaced by a new connection");
      session = null;
    }
    try {
      if (!session && description.type === "offer" && this.peers.has(from)) {
        session = this.#begin(from);
        if (!this.session || this.session.isClosed) this.select(from);
      }
      await session?.peer.receiveDescription(description);
    } catch (error) {
      if (session?.isClosed) return;
      session?.peer.note("error", `${description.type} refused`, error.message);
      this.emit("error", { code: "description", message: `The peer’s ${description.type} was not usable: ${error.message}` });
    }
  }

  #forgetAbsent(id) {
    if (this.peers.get(id)?.present === false) this.peers.delete(id);
    this.emit("change");
  }

  #closeAll(reason) {
    for (const [id, session] of this.sessions) {
      if (session.isClosed) continue;
      this.signaling.sendBye(id, reason);
      session.close(reason);
    }
  }
}
