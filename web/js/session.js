// What we do with one peer: the connection and the application protocol of docs/data-protocol.md upon it.

import { Call } from "./call.js";
import { Emitter } from "./emitter.js";
import { IncomingFile, OutgoingFile } from "./files.js";
import { MediaStats } from "./media_stats.js";
import { Peer } from "./peer.js";
import { PathStats } from "./stats.js";

const ECHO_SIZES = [1, 1000, 16 * 1024, 64 * 1024];
const ECHO_TIMEOUT_MS = 10_000;
// What a peer that says nothing takes at least (RFC 8841 section 6.1).
const LEAST_MESSAGE_SIZE = 64 * 1024;

/**
 * Events: `item` (a new line of the conversation), `entry`, `change`, `stats`, `ready` (chat is open), `closed` {reason}.
 * An item is {kind: "text", from, text, at} or {kind: "file", transfer} or {kind: "note", text}.
 */
export class Session extends Emitter {
  items = [];
  unread = 0;
  #chat = null; // the one in use
  #chats = new Set();
  #outbox = []; // lines typed before a chat channel was open
  #echo = null;

  constructor({ peer, trickle, configuration, signaling, chunk }) {
    super();
    this.who = peer;
    this.chunk = chunk;
    this.peer = new Peer({ id: peer.id, polite: peer.polite, trickle, configuration, signaling });
    this.call = new Call(this.peer);
    this.call.on("change", () => this.emit("change"));
    this.call.on("note", (text) => this.note(text));
    this.media = new MediaStats();
    this.stats = new PathStats(this.peer.pc, (report, at) => {
      this.media.take(report, at);
      this.emit("stats");
    });
    this.peer.on("entry", (entry) => this.emit("entry", entry));
    this.peer.on("change", () => this.#changed());
    this.peer.on("channel", (channel) => this.#announced(channel));
    this.peer.on("closed", (event) => this.#closed(event));
  }

  /** Make the offer: the first channel is what there is to negotiate. */
  open() {
    this.#useChat(this.peer.pc.createDataChannel("chat"));
  }

  close(reason) {
    this.peer.close(reason);
  }

  restart() {
    this.peer.restart();
  }

  /** Whether text and files can go. A peer that only sends files opens no chat: then we do, when there is something to say. */
  get isReady() {
    return this.#chat?.readyState === "open" || this.peer.states.connectionState === "connected";
  }

  get isClosed() {
    return this.peer.closed;
  }

  get maxMessageSize() {
    return this.peer.pc.sctp?.maxMessageSize ?? LEAST_MESSAGE_SIZE;
  }

  get transfers() {
    return this.items.filter((item) => item.kind === "file").map((item) => item.transfer);
  }

  sendText(text) {
    const size = new TextEncoder().encode(text).length;
    if (size > this.maxMessageSize) throw new Error(`The message has ${size} bytes; this peer takes ${this.maxMessageSize}.`);
    if (!this.isReady) throw new Error("There is no open connection to send it on.");
    if (this.#chat?.readyState === "open") this.#chat.send(text);
    else this.#outbox.push(text);
    if (this.#chats.size === 0) this.#useChat(this.peer.pc.createDataChannel("chat"));
    this.#add({ kind: "text", from: "me", text });
  }

  /** Start a transfer; `await transfer.finished` for its end. */
  sendFile(blob, name) {
    if (!this.isReady) throw new Error("There is no open connection to send it on.");
    const channel = this.peer.pc.createDataChannel("file");
    const { chunk, maxMessageSize } = this;
    const transfer = new OutgoingFile(channel, blob, { name, chunk, maxMessageSize });
    this.#add({ kind: "file", transfer });
    return transfer;
  }

  /** Send random bytes and see whether the same come back. Resolves to {sizes, matched, milliseconds: [...]}. */
  async echo(sizes = ECHO_SIZES) {
    const channel = await this.#echoChannel();
    const result = { sizes: sizes.filter((size) => size <= this.maxMessageSize), matched: 0, milliseconds: [] };
    for (const size of result.sizes) {
      const sent = randomBytes(size);
      const started = performance.now();
      const answer = nextMessage(channel);
      channel.send(sent);
      const received = await answer;
      result.milliseconds.push(performance.now() - started);
      if (received instanceof ArrayBuffer && sameBytes(sent, new Uint8Array(received))) result.matched += 1;
    }
    const median = [...result.milliseconds].sort((a, b) => a - b)[Math.floor(result.milliseconds.length / 2)];
    const verdict = result.matched === result.sizes.length ? "came back unchanged" : "came back — the others differ";
    this.note(`Echo test: ${result.matched} of ${result.sizes.length} binary messages ${verdict}, median ${median.toFixed(1)} ms.`);
    return result;
  }

  note(text) {
    this.#add({ kind: "note", text });
  }

  async #echoChannel() {
    if (!this.isReady) throw new Error("There is no open connection to test.");
    if (this.#echo?.readyState === "open") return this.#echo;
    const channel = this.peer.pc.createDataChannel("echo");
    channel.binaryType = "arraybuffer";
    this.#echo = channel;
    await within(ECHO_TIMEOUT_MS, "The echo channel did not open.", (resolve) => {
      channel.onopen = resolve;
    });
    return channel;
  }

  #announced(channel) {
    this.peer.note("channel", `“${channel.label}” opened by the peer`, `id ${channel.id}`);
    if (channel.label === "chat") this.#useChat(channel);
    else if (channel.label === "file") this.#add({ kind: "file", transfer: new IncomingFile(channel) });
    else if (channel.label === "echo") answerEchoes(channel);
    else channel.close();
  }

  #useChat(channel) {
    this.#chats.add(channel);
    channel.addEventListener("open", () => {
      this.#chat = channel;
      for (const text of this.#outbox.splice(0)) channel.send(text);
      this.peer.note("channel", "“chat” open", `id ${channel.id}`);
      this.emit("ready");
      this.emit("change");
    });
    channel.addEventListener("message", ({ data }) => {
      const text = typeof data === "string" ? data : `(${data.byteLength ?? data.size} bytes of binary data)`;
      this.#add({ kind: "text", from: "peer", text });
    });
    channel.addEventListener("close", () => this.#chatClosed(channel));
  }

  #chatClosed(channel) {
    if (this.isClosed) return;
    this.#chats.delete(channel);
    this.peer.note("channel", "“chat” closed");
    // After glare there are two; the one that is left serves.
    if (channel === this.#chat) this.close("the peer closed the connection");
  }

  #changed() {
    if (this.peer.states.connectionState === "failed" && !this.isClosed) {
      this.close("no path to the peer was found, or it was lost");
      return;
    }
    this.emit("change");
  }

  #closed(event) {
    this.stats.stop();
    this.call.close();
    for (const transfer of this.transfers) transfer.fail("The connection closed before the file was through.");
    this.note(`Disconnected: ${event.reason}.`);
    this.emit("change");
    this.emit("closed", event);
  }

  #add(item) {
    item.at = new Date();
    this.items.push(item);
    this.emit("item", item);
  }
}

/** Whoever did not open an echo channel answers on it, so two pages never echo each other's echoes. */
function answerEchoes(channel) {
  channel.binaryType = "arraybuffer";
  channel.onmessage = ({ data }) => channel.send(data);
}

function randomBytes(size) {
  const bytes = new Uint8Array(size);
  for (let offset = 0; offset < size; offset += 65_536) crypto.getRandomValues(bytes.subarray(offset, offset + 65_536));
  return bytes;
}

function sameBytes(one, other) {
  return one.length === other.length && one.every((byte, index) => byte === other[index]);
}

function nextMessage(channel) {
  return within(ECHO_TIMEOUT_MS, "The peer does not echo: no answer within 10 s.", (resolve, reject) => {
    channel.onmessage = ({ data }) => resolve(data);
    channel.onclose = () => reject(new Error("The connection closed during the test."));
  });
}

function within(milliseconds, message, start) {
  return new Promise((resolve, reject) => {
    const timer = setTimeout(() => reject(new Error(message)), milliseconds);
    start(
      (value) => (clearTimeout(timer), resolve(value)),
      (error) => (clearTimeout(timer), reject(error)),
    );
  });
}
