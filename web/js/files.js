// Files over data channels, a channel each: docs/data-protocol.md.

import { Emitter } from "./emitter.js";
import { Sha256 } from "./sha256.js";

export const DEFAULT_CHUNK = 16 * 1024;
const READ_SIZE = 1 << 20;
const BUFFER_HIGH = 1 << 20;
const BUFFER_LOW = 256 * 1024;
// Chunks become one Blob at this size, so that the browser may move them out of memory.
const SPILL_SIZE = 8 << 20;

/** What both directions share. Events: `progress`, `end`. status: "active", "done", "failed". */
class Transfer extends Emitter {
  name = "";
  size = 0;
  mime = "";
  bytes = 0;
  status = "active";
  error = null;
  sha256 = null;
  seconds = 0;
  #started = performance.now();
  #settle;

  constructor(channel, direction) {
    super();
    this.channel = channel;
    this.direction = direction;
    this.finished = new Promise((resolve) => (this.#settle = resolve));
    channel.binaryType = "arraybuffer";
    channel.addEventListener("close", () => this.fail("The connection closed before the file was through."));
  }

  get rate() {
    const seconds = this.status === "active" ? (performance.now() - this.#started) / 1000 : this.seconds;
    return seconds > 0 ? this.bytes / seconds : 0;
  }

  cancel() {
    this.fail("Cancelled.");
    this.channel.close();
  }

  fail(reason) {
    if (this.status !== "active") return;
    this.error = reason;
    this.end("failed");
  }

  end(status) {
    if (this.status !== "active") return;
    this.status = status;
    this.seconds = (performance.now() - this.#started) / 1000;
    this.#settle(this);
    this.emit("end");
  }

  restartClock() {
    this.#started = performance.now();
  }
}

export class OutgoingFile extends Transfer {
  #blob;
  #chunk;

  /** `maxMessageSize` is what the peer takes (Infinity: anything). */
  constructor(channel, blob, { name, chunk = DEFAULT_CHUNK, maxMessageSize = Infinity }) {
    super(channel, "out");
    this.#blob = blob;
    this.#chunk = Math.max(1, Math.min(chunk, maxMessageSize));
    this.name = name || blob.name || "unnamed";
    this.size = blob.size;
    this.mime = blob.type || "application/octet-stream";
    channel.bufferedAmountLowThreshold = BUFFER_LOW;
    channel.addEventListener("message", ({ data }) => this.#answered(data));
    if (channel.readyState === "open") this.#run();
    else channel.addEventListener("open", () => this.#run(), { once: true });
  }

  async #run() {
    this.restartClock();
    try {
      await this.#send();
    } catch (error) {
      this.fail(error.name === "NotReadableError" ? "The file can no longer be read." : error.message);
      this.channel.close();
    }
  }

  async #send() {
    const { channel, name, size, mime } = this;
    const hash = new Sha256();
    channel.send(JSON.stringify({ type: "file", name, size, mime }));
    for (let start = 0; start < size; start += READ_SIZE) {
      const part = new Uint8Array(await this.#blob.slice(start, start + READ_SIZE).arrayBuffer());
      hash.update(part);
      for (let offset = 0; offset < part.length; offset += this.#chunk) {
        if (channel.bufferedAmount > BUFFER_HIGH) await this.#drained();
        if (this.status !== "active") return;
        channel.send(part.subarray(offset, offset + this.#chunk));
        this.bytes = Math.max(0, start + Math.min(offset + this.#chunk, part.length) - channel.bufferedAmount);
      }
      this.emit("progress");
    }
    this.sha256 = hash.hex();
    channel.send(JSON.stringify({ type: "end", sha256: this.sha256 }));
    while (this.status === "active" && channel.bufferedAmount > BUFFER_LOW) {
      await this.#drained();
      this.bytes = size - channel.bufferedAmount;
      this.emit("progress");
    }
  }

  #drained() {
    const { channel } = this;
    return new Promise((resolve) => {
      const done = () => {
        channel.removeEventListener("bufferedamountlow", done);
        channel.removeEventListener("close", done);
        resolve();
      };
      channel.addEventListener("bufferedamountlow", done);
      channel.addEventListener("close", done);
      if (channel.readyState !== "open" || channel.bufferedAmount <= channel.bufferedAmountLowThreshold) done();
    });
  }

  #answered(data) {
    const answer = parseControl(data);
    if (answer?.type === "received") {
      this.bytes = this.size;
      if (answer.sha256 === this.sha256 && answer.size === this.size) this.end("done");
      else this.fail("The peer received something else: its checksum differs.");
    } else if (answer?.type === "error") {
      this.fail(`The peer refused it: ${String(answer.message).slice(0, 200)}`);
    } else {
      return;
    }
    this.channel.close();
  }
}

export class IncomingFile extends Transfer {
  blob = null;
  #hash = new Sha256();
  #parts = [];
  #pending = [];
  #pendingBytes = 0;
  #announced = null;

  constructor(channel) {
    super(channel, "in");
    channel.addEventListener("message", ({ data }) => this.#receive(data));
  }

  #receive(data) {
    if (this.status !== "active") return;
    if (typeof data !== "string") {
      this.#take(new Uint8Array(data));
      return;
    }
    const message = parseControl(data);
    if (message?.type === "file" && !this.#announced) this.#announce(message);
    else if (message?.type === "end" && this.#announced) this.#complete(message);
    else if (message?.type === "error") this.fail(String(message.message).slice(0, 200));
    else this.#refuse("a message that docs/data-protocol.md does not know");
  }

  #announce(message) {
    if (!Number.isSafeInteger(message.size) || message.size < 0) {
      this.#refuse("the size is not a number of bytes");
      return;
    }
    this.#announced = message;
    this.size = message.size;
    this.name = fileName(message.name);
    this.mime = typeof message.mime === "string" ? message.mime : "application/octet-stream";
    this.restartClock();
    this.emit("progress");
  }

  #take(bytes) {
    if (!this.#announced || this.bytes + bytes.length > this.size) {
      this.#refuse(this.#announced ? "more bytes than announced" : "bytes before the announcement");
      return;
    }
    this.#hash.update(bytes);
    this.bytes += bytes.length;
    this.#pending.push(bytes);
    this.#pendingBytes += bytes.length;
    if (this.#pendingBytes >= SPILL_SIZE) this.#spill();
    this.emit("progress");
  }

  #spill() {
    this.#parts.push(new Blob(this.#pending));
    this.#pending = [];
    this.#pendingBytes = 0;
  }

  #complete(message) {
    this.sha256 = this.#hash.hex();
    const expected = message.sha256 ?? this.#announced.sha256;
    if (this.bytes !== this.size) {
      this.#refuse(`${this.bytes} of ${this.size} bytes came`);
    } else if (expected !== undefined && expected !== this.sha256) {
      this.#refuse("the checksum differs");
    } else {
      this.#spill();
      // The sender's type is not kept: a downloaded page must not run as ours.
      this.blob = new Blob(this.#parts, { type: "application/octet-stream" });
      this.channel.send(JSON.stringify({ type: "received", size: this.size, sha256: this.sha256 }));
      this.end("done");
    }
  }

  #refuse(message) {
    if (this.channel.readyState === "open") this.channel.send(JSON.stringify({ type: "error", message }));
    this.fail(`Refused: ${message}.`);
    this.channel.close();
  }
}

function parseControl(data) {
  if (typeof data !== "string") return null;
  try {
    const message = JSON.parse(data);
    return typeof message === "object" ? message : null;
  } catch {
    return null;
  }
}

/** A peer's file name without folders and control characters. */
function fileName(name) {
  const last = String(name ?? "").split(/[\\/]/).pop();
  return last.replace(/[\p{Cc}\p{Cf}]/gu, "").slice(0, 120) || "unnamed";
}
