// The signalling client: docs/signaling.md, with reconnection.

import { Emitter } from "./emitter.js";

const FIRST_DELAY_MS = 500;
const LONGEST_DELAY_MS = 15_000;
// A connection that lasted this long starts the back-off afresh.
const STEADY_AFTER_MS = 5_000;

/**
 * Events: `status` {status, retryAt}, and every message of the server under its type, `error` included.
 * status: "closed" (not wanted), "connecting", "open" (not in a room), "joined", "waiting" (to try again).
 */
export class Signaling extends Emitter {
  status = "closed";
  id = null;
  retryAt = null;
  #url;
  #socket = null;
  #wanted = null; // {room, name} as long as the user wants to be in a room
  #delay = FIRST_DELAY_MS;
  #timer = null;
  #openedAt = 0;

  constructor(url) {
    super();
    this.#url = url;
    window.addEventListener("online", () => this.retryNow());
  }

  join(room, name) {
    if (this.#wanted) this.leave();
    this.#wanted = { room, name };
    this.#connect();
  }

  leave() {
    this.#wanted = null;
    clearTimeout(this.#timer);
    const socket = this.#socket;
    this.#socket = null;
    if (socket) {
      if (socket.readyState === WebSocket.OPEN) socket.send(JSON.stringify({ type: "leave" }));
      socket.close(1000);
    }
    this.#become("closed");
  }

  /** Do not wait for the back-off to run out. */
  retryNow() {
    if (this.status !== "waiting") return;
    clearTimeout(this.#timer);
    this.#connect();
  }

  sendDescription(to, { type, sdp }) {
    return this.#send({ type: "description", to, description: { type, sdp } });
  }

  sendCandidate(to, candidate) {
    return this.#send({ type: "candidate", to, candidate: candidate?.toJSON?.() ?? candidate });
  }

  sendBye(to, reason) {
    return this.#send({ type: "bye", to, reason });
  }

  /** False when the server is not there to take it. */
  #send(message) {
    if (this.status !== "joined") return false;
    this.#socket.send(JSON.stringify(message));
    return true;
  }

  #connect() {
    this.#become("connecting");
    const socket = new WebSocket(this.#url);
    this.#socket = socket;
    socket.onopen = () => {
      if (socket !== this.#socket) return;
      this.#openedAt = performance.now();
      this.#become("open");
      socket.send(JSON.stringify({ type: "join", ...this.#wanted }));
    };
    socket.onmessage = ({ data }) => socket === this.#socket && this.#receive(JSON.parse(data));
    // A failed attempt ends in `close` as well; `error` tells nothing more.
    socket.onclose = ({ code }) => socket === this.#socket && this.#lost(code);
  }

  #receive(message) {
    if (message.type === "joined") {
      this.id = message.id;
      this.#become("joined");
    } else if (message.type === "error" && this.status === "open") {
      // Our join was refused: trying the same again would be refused again.
      this.leave();
    }
    this.emit(message.type, message);
  }

  #lost(code) {
    const steady = this.#openedAt && performance.now() - this.#openedAt > STEADY_AFTER_MS;
    if (steady) this.#delay = FIRST_DELAY_MS;
    this.#openedAt = 0;
    this.#socket = null;
    this.id = null;
    // Spread out, so that a server that restarts does not get everybody back in the same instant.
    const delay = this.#delay * (0.75 + Math.random() / 2);
    this.#delay = Math.min(this.#delay * 2, LONGEST_DELAY_MS);
    this.#timer = setTimeout(() => this.#connect(), delay);
    this.#become("waiting", Date.now() + delay, code);
  }

  #become(status, retryAt = null, code = null) {
    if (status === "closed") this.id = null;
    this.status = status;
    this.retryAt = retryAt;
    this.emit("status", { status, retryAt, code });
  }
}
