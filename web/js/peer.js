// One RTCPeerConnection kept agreed with the other side by perfect negotiation.

import { candidatesOf, describeCandidate, parseCandidate } from "./candidates.js";
import { Emitter } from "./emitter.js";

const STATES = {
  signalingState: "signalingstatechange",
  iceGatheringState: "icegatheringstatechange",
  iceConnectionState: "iceconnectionstatechange",
  connectionState: "connectionstatechange",
};
// A server that never answers must not hold a bulk description for ever.
const BULK_LIMIT_MS = 15_000;

/**
 * Events: `entry` (a line for the timeline), `change` (states, candidates), `channel` (RTCDataChannel opened by the peer),
 * `closed` {reason}.
 */
export class Peer extends Emitter {
  timeline = [];
  localCandidates = [];
  remoteCandidates = [];
  closed = false;
  connectedAfter = null;
  #signaling;
  #id;
  #polite;
  #makingOffer = false;
  #ignoreOffer = false;
  #settingAnswer = false;
  #offerDue = false;
  #early = [];
  #started = performance.now();

  constructor({ id, polite, trickle, configuration, signaling }) {
    super();
    this.#id = id;
    this.#polite = polite;
    this.#signaling = signaling;
    this.trickle = trickle;
    this.pc = new RTCPeerConnection(configuration);
    this.states = Object.fromEntries(Object.keys(STATES).map((name) => [name, this.pc[name]]));
    this.#listen();
  }

  get now() {
    return performance.now() - this.#started;
  }

  note(kind, text, detail = "") {
    const entry = { at: Math.round(this.now * 10) / 10, kind, text, detail };
    this.timeline.push(entry);
    this.emit("entry", entry);
  }

  close(reason) {
    if (this.closed) return;
    this.closed = true;
    this.pc.close();
    // `close()` fires no events, and the page shows the states it has read.
    this.#readStates();
    this.note("state", "closed", reason);
    this.emit("closed", { reason });
  }

  /** Find a new path; the one in use carries data until there is one. */
  restart() {
    if (this.closed) return;
    this.note("state", "a new path is asked for", "ICE restart");
    this.pc.restartIce();
  }

  /** Offer what has changed without the browser noticing that it must be negotiated. */
  negotiate() {
    this.#offerDue = true;
    this.#offerIfDue();
  }

  async receiveDescription(description) {
    const { pc } = this;
    const ready = !this.#makingOffer && (pc.signalingState === "stable" || this.#settingAnswer);
    const collision = description.type === "offer" && !ready;
    this.#ignoreOffer = collision && !this.#polite;
    if (this.#ignoreOffer) {
      this.note("description", "their offer ignored", "we offered at the same time, and they yield");
      return;
    }
    if (collision) this.note("description", "our offer rolled back", "both offered at the same time, and we yield");
    const candidates = candidatesOf(description.sdp);
    this.note("description", `${description.type} received`, plural(candidates.length, "candidate"));
    this.#settingAnswer = description.type === "answer";
    try {
      await pc.setRemoteDescription(description);
    } finally {
      this.#settingAnswer = false;
    }
    for (const candidate of candidates) this.#noteCandidate("remote", candidate);
    for (const early of this.#early.splice(0)) await this.receiveCandidate(early);
    if (description.type === "offer") {
      await pc.setLocalDescription();
      await this.#sendDescription();
    }
  }

  async receiveCandidate(candidate) {
    if (this.#ignoreOffer || this.closed) return;
    if (!this.pc.remoteDescription && this.pc.signalingState !== "have-remote-offer") {
      this.#early.push(candidate);
      return;
    }
    try {
      await this.pc.addIceCandidate(candidate);
    } catch (error) {
      if (!this.closed) this.note("error", "candidate refused", `${error.message} (${candidate?.candidate ?? "end"})`);
      return;
    }
    if (!candidate?.candidate) {
      if (candidate === null) this.note("candidate", "no more remote candidates");
      return;
    }
    const parsed = parseCandidate(candidate.candidate);
    if (parsed) this.#noteCandidate("remote", parsed);
  }

  #listen() {
    const { pc } = this;
    for (const event of Object.values(STATES)) pc.addEventListener(event, () => this.#readStates());
    pc.onnegotiationneeded = () => this.#offer();
    pc.addEventListener("signalingstatechange", () => this.#offerIfDue());
    pc.onicecandidate = ({ candidate }) => this.#gathered(candidate);
    pc.onicecandidateerror = ({ errorCode, errorText, url }) => this.note("error", `${url}: ${errorCode}`, errorText);
    pc.ondatachannel = ({ channel }) => this.emit("channel", channel);
  }

  #readStates() {
    for (const name of Object.keys(STATES)) {
      const value = this.pc[name];
      if (value === this.states[name]) continue;
      this.states[name] = value;
      if (name === "connectionState" && value === "connected") this.connectedAfter ??= this.now;
      if (!this.closed) this.note("state", `${name}: ${value}`);
    }
    this.emit("change");
  }

  #offerIfDue() {
    if (!this.#offerDue || this.closed || this.#makingOffer || this.pc.signalingState !== "stable") return;
    this.#offer();
  }

  async #offer() {
    this.#offerDue = false;
    try {
      this.#makingOffer = true;
      await this.pc.setLocalDescription();
    } catch (error) {
      if (!this.closed) this.note("error", "no offer", error.message);
      return;
    } finally {
      this.#makingOffer = false;
    }
    await this.#sendDescription();
  }

  async #sendDescription() {
    const { type } = this.pc.localDescription ?? {};
    if (!this.trickle) await this.#gatheringEnded();
    const description = this.pc.localDescription;
    // While we waited, their offer may have replaced ours.
    const stale = type === "offer" && this.pc.signalingState !== "have-local-offer";
    if (this.closed || !description || description.type !== type || stale) return;
    const count = plural(candidatesOf(description.sdp).length, "candidate");
    if (this.#signaling.sendDescription(this.#id, description)) this.note("description", `${type} sent`, count);
    else this.note("error", `${type} not sent`, "the signalling server is not there");
  }

  #gathered(candidate) {
    if (candidate?.candidate) {
      const parsed = parseCandidate(candidate.candidate);
      if (parsed) this.#noteCandidate("local", parsed);
    } else if (candidate === null) {
      this.note("candidate", "no more local candidates");
    }
    if (this.trickle) this.#signaling.sendCandidate(this.#id, candidate);
  }

  #noteCandidate(side, candidate) {
    const list = side === "local" ? this.localCandidates : this.remoteCandidates;
    const known = list.some((other) => sameCandidate(other, candidate));
    if (known) return;
    list.push({ ...candidate, at: this.now });
    this.note("candidate", `${side}: ${describeCandidate(candidate)}`, `priority ${candidate.priority}`);
    this.emit("change");
  }

  #gatheringEnded() {
    const { pc } = this;
    return new Promise((resolve) => {
      const timer = setTimeout(done, BULK_LIMIT_MS);
      function done() {
        clearTimeout(timer);
        pc.removeEventListener("icegatheringstatechange", check);
        resolve();
      }
      function check() {
        // After a restart the state may still be that of the generation before, whose candidates are not in here.
        const gathered = pc.iceGatheringState === "complete" && candidatesOf(pc.localDescription?.sdp ?? "").length > 0;
        if (gathered || pc.signalingState === "closed") done();
      }
      pc.addEventListener("icegatheringstatechange", check);
      check();
    });
  }
}

function sameCandidate(one, other) {
  return ["foundation", "component", "protocol", "address", "port", "type", "tcpType"].every((key) => one[key] === other[key]);
}

function plural(count, noun) {
  return `${count === 0 ? "no" : count} ${noun}${count === 1 ? "" : "s"}`;
}
