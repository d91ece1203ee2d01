// Picture and sound of one connection: what we send of them, and what comes.

import { preferCodec } from "./codecs.js";
import { Emitter } from "./emitter.js";
import { openSource } from "./sources.js";

// Smallest first, as the browser spends what bandwidth there is in this order.
const LAYERS = [
  { rid: "q", scaleResolutionDownBy: 4 },
  { rid: "h", scaleResolutionDownBy: 2 },
  { rid: "f", scaleResolutionDownBy: 1 },
];

/** Events: `change`, `note` (text for the conversation). */
export class Call extends Emitter {
  codecs = { audio: "", video: "" }; // "" is the browser's choice
  simulcast = false;
  muted = { audio: false, video: false };
  /** What comes, by stream: id -> MediaStream of the tracks that the other side sends now. */
  received = new Map();
  #peer;
  #source = null;
  #sending = new Map(); // kind -> transceiver
  #used = new WeakSet(); // transceivers that have carried something of ours
  #streamIds = new WeakMap(); // of received tracks
  #turns = Promise.resolve();

  constructor(peer) {
    super();
    this.#peer = peer;
    this.#pc.addEventListener("track", ({ track, streams, transceiver }) => {
      this.#streamIds.set(track, streams[0]?.id ?? `section ${transceiver.mid}`);
      // The offerer hears of the track after it has become stable.
      this.#negotiated();
    });
    this.#pc.addEventListener("signalingstatechange", () => this.#negotiated());
  }

  /** The name of what is sent, or null. */
  get source() {
    return this.#source?.name ?? null;
  }

  /** Our own picture and sound. */
  get stream() {
    return this.#source?.stream ?? null;
  }

  /** Send this source; in place of another without a word to the other side. */
  start(name) {
    return this.#inTurn(async () => {
      const source = await openSource(name);
      if (this.#peer.closed) {
        source.stop();
        return;
      }
      const old = this.#source;
      this.#source = source;
      for (const track of source.stream.getTracks()) {
        track.enabled = !this.muted[track.kind];
        await this.#send(track);
      }
      old?.stop();
      if (source.complaint) this.emit("note", `${source.complaint} What is missing is generated.`);
      this.emit("change");
    });
  }

  stop() {
    return this.#inTurn(() => this.#stop());
  }

  /** Silence, or a black picture, goes out at once; the other side is not asked. */
  mute(kind, isMuted) {
    this.muted[kind] = isMuted;
    for (const track of this.stream?.getTracks() ?? []) if (track.kind === kind) track.enabled = !isMuted;
    this.emit("change");
  }

  setCodec(kind, name) {
    return this.#inTurn(() => {
      this.codecs[kind] = name;
      const transceiver = this.#sending.get(kind);
      if (transceiver) {
        preferCodec(transceiver, name);
        // A preference is no reason for the browser to negotiate.
        this.#peer.negotiate();
      }
      this.emit("change");
    });
  }

  /** Layers are decided when a transceiver is made: with another choice the picture gets another one. */
  setSimulcast(isWanted) {
    return this.#inTurn(async () => {
      this.simulcast = isWanted;
      const track = this.#sending.get("video")?.sender.track;
      if (track) {
        this.#withdraw("video");
        await this.#send(track);
      }
      this.emit("change");
    });
  }

  /** With the connection. */
  close() {
    this.#source?.stop();
    this.#source = null;
    this.#sending.clear();
    this.received.clear();
    this.emit("change");
  }

  get #pc() {
    return this.#peer.pc;
  }

  /** One thing after the other: opening a camera takes its time. */
  #inTurn(work) {
    const turn = this.#turns.then(() => (this.#peer.closed ? undefined : work()));
    this.#turns = turn.catch(() => {});
    return turn;
  }

  async #send(track) {
    const { kind } = track;
    const current = this.#sending.get(kind);
    if (current) {
      await current.sender.replaceTrack(track);
      return;
    }
    const hasLayers = kind === "video" && this.simulcast;
    const transceiver = (await this.#resume(track, hasLayers)) ?? this.#add(track, hasLayers);
    this.#sending.set(kind, transceiver);
    this.#used.add(transceiver);
    preferCodec(transceiver, this.codecs[kind]);
  }

  /** Use a transceiver again that carried something before, or that the other side offered for both directions. */
  async #resume(track, hasLayers) {
    const transceiver = this.#idle(track.kind).find(
      (one) => (this.#used.has(one) || this.#isWelcome(one)) && (one.sender.getParameters().encodings?.length ?? 0) > 1 === hasLayers,
    );
    if (!transceiver) return null;
    await transceiver.sender.replaceTrack(track);
    transceiver.sender.setStreams?.(this.stream);
    transceiver.direction = "sendrecv";
    return transceiver;
  }

  #idle(kind) {
    return this.#pc.getTransceivers().filter(({ direction, receiver, sender }) => direction !== "stopped" && receiver.track.kind === kind && !sender.track);
  }

  /** Whether the other side takes something in this section; a server may only send in it. */
  #isWelcome({ mid }) {
    const sections = (this.#pc.remoteDescription?.sdp ?? "").split(/^m=/m);
    const section = sections.find((text) => mid !== null && text.split(/\r?\n/).includes(`a=mid:${mid}`));
    return section !== undefined && !/^a=(sendonly|inactive)/m.test(section);
  }

  #add(track, hasLayers) {
    // addTrack takes any transceiver that has never sent, also those where nothing is welcome.
    if (hasLayers || this.#idle(track.kind).length > 0) {
      return this.#pc.addTransceiver(track, { streams: [this.stream], ...(hasLayers ? { sendEncodings: LAYERS } : {}) });
    }
    const sender = this.#pc.addTrack(track, this.stream);
    return this.#pc.getTransceivers().find((one) => one.sender === sender);
  }

  #withdraw(kind) {
    const transceiver = this.#sending.get(kind);
    this.#sending.delete(kind);
    if (transceiver && transceiver.direction !== "stopped") this.#pc.removeTrack(transceiver.sender);
  }

  #stop() {
    for (const kind of [...this.#sending.keys()]) this.#withdraw(kind);
    this.#source?.stop();
    this.#source = null;
    this.emit("change");
  }

  #negotiated() {
    if (this.#pc.signalingState !== "stable") return;
    this.#findRefused();
    this.#findReceived();
    this.emit("change");
  }

  #findRefused() {
    for (const [kind, transceiver] of this.#sending) {
      if (transceiver.currentDirection !== "stopped" && transceiver.direction !== "stopped") continue;
      this.#sending.delete(kind);
      this.emit("note", `The peer takes no ${kind === "video" ? "picture" : "sound"}.`);
    }
    if (this.#source && this.#sending.size === 0) this.stop();
  }

  #findReceived() {
    const wanted = new Map();
    for (const { currentDirection, receiver } of this.#pc.getTransceivers()) {
      if (currentDirection !== "sendrecv" && currentDirection !== "recvonly") continue;
      const id = this.#streamIds.get(receiver.track);
      if (id === undefined) continue;
      wanted.set(id, [...(wanted.get(id) ?? []), receiver.track]);
    }
    for (const id of [...this.received.keys()]) if (!wanted.has(id)) this.received.delete(id);
    for (const [id, tracks] of wanted) {
      // A stream that stays is kept, and so the element that plays it goes on.
      const stream = this.received.get(id) ?? new MediaStream();
      this.received.set(id, stream);
      for (const track of stream.getTracks()) if (!tracks.includes(track)) stream.removeTrack(track);
      for (const track of tracks) stream.addTrack(track);
    }
  }
}
