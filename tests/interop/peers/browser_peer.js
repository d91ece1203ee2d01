// A peer that the test asks for one thing at a time; see tests/interop/peers/peer.py for what each method promises.

class Peer {
  constructor(configuration, wait) {
    this.pc = new RTCPeerConnection(configuration);
    this.wait = wait;
    this.channels = new Map();
    this.messages = new Map();
    this.candidates = [];
    this.events = [];
    this.waiters = [];
    for (const kind of ["connection", "iceconnection", "signaling", "icegathering"]) {
      const name = kind.replace(/^ice(.)/, (_, letter) => `ice${letter.toUpperCase()}`);
      this.pc.addEventListener(`${kind}statechange`, () => this.note(`${kind} ${this.pc[`${name}State`]}`));
    }
    this.pc.ondatachannel = ({ channel }) => this.adopt(channel);
    this.pc.onicecandidate = ({ candidate }) => {
      // Firefox and Chromium say "no more of this generation" with an empty one before the null.
      if (candidate?.candidate === "") return;
      this.candidates.push(candidate?.toJSON() ?? null);
      this.wake();
    };
  }

  adopt(channel) {
    channel.binaryType = "arraybuffer";
    this.channels.set(channel.label, channel);
    const messages = [];
    this.messages.set(channel.label, messages);
    channel.onmessage = ({ data }) => {
      messages.push(data);
      this.wake();
    };
    for (const event of ["open", "closing", "close"]) {
      channel.addEventListener(event, () => this.note(`${channel.label} ${event}`));
    }
    channel.onerror = ({ error }) => this.note(`${channel.label} error ${error?.message}`);
    this.note(`${channel.label} known`);
  }

  note(event) {
    this.events.push(event);
    this.wake();
  }

  wake() {
    for (const waiter of this.waiters.splice(0)) waiter();
  }

  // Looks whenever something happened: no timer, which a tab in the background would get late.
  async until(condition, what) {
    let isLate = false;
    const timer = setTimeout(() => {
      isLate = true;
      this.wake();
    }, this.wait * 1000);
    while (!condition() && !isLate) await new Promise((resolve) => this.waiters.push(resolve));
    clearTimeout(timer);
    if (!condition()) throw new Error(`no ${what} after ${this.wait} s; it saw: ${this.events.join(", ")}`);
  }

  async describe(kind, mode) {
    const made = kind === "offer" ? await this.pc.createOffer() : await this.pc.createAnswer();
    await this.pc.setLocalDescription(made);
    if (mode !== "bulk") return { type: made.type, sdp: made.sdp };
    await this.until(() => this.pc.iceGatheringState === "complete", "end of gathering");
    return this.pc.localDescription.toJSON();
  }

  async nextCandidate() {
    await this.until(() => this.candidates.length > 0, "a candidate");
    return this.candidates.shift();
  }

  states() {
    return {
      connection: this.pc.connectionState,
      iceconnection: this.pc.iceConnectionState,
      signaling: this.pc.signalingState,
    };
  }

  async channel(label, state) {
    await this.until(() => this.channels.get(label)?.readyState === state, `channel ${label} ${state}`);
    const { id, protocol, ordered, maxRetransmits, maxPacketLifeTime, negotiated, readyState } =
      this.channels.get(label);
    return { id, label, protocol, ordered, maxRetransmits, maxPacketLifeTime, negotiated, readyState };
  }

  send(label, messages) {
    const channel = this.channels.get(label);
    for (const { text, binary } of messages) {
      channel.send(text ?? Uint8Array.from(atob(binary), (character) => character.charCodeAt(0)));
    }
  }

  async received(label, count) {
    await this.until(() => (this.messages.get(label)?.length ?? 0) >= count, `${count} messages on ${label}`);
    return this.messages.get(label).splice(0, count).map((data) => {
      if (typeof data === "string") return { text: data };
      let binary = "";
      for (const byte of new Uint8Array(data)) binary += String.fromCharCode(byte);
      return { binary: btoa(binary) };
    });
  }
}

window.startPeer = (configuration, wait) => {
  window.peer = new Peer(configuration, wait);
};
