// What getStats() tells about picture and sound: bytes and frames each way, and the round trip that RTCP measures.

import { nameOf } from "./codecs.js";

const KEPT = 120; // one minute, at the pace of PathStats
const QUIET_AFTER_MS = 2_000;

export class MediaStats {
  /** Oldest first: {at, sent, received (bytes per second), sentFrames, receivedFrames (per second), roundTrip (seconds or null)}. */
  samples = [];
  /** What flows now: {id, direction, kind, rid, codec, width, height, rate (bytes per second), frames (per second), lost}. */
  streams = [];
  #last = new Map(); // id -> {at, bytes, frames, movedAt, rate, frameRate}

  get latest() {
    return this.samples.at(-1) ?? null;
  }

  /** Take one report, at this time in milliseconds. */
  take(report, at) {
    const entries = [...report.values()];
    const flows = entries.filter(({ type }) => type === "outbound-rtp" || type === "inbound-rtp").map((entry) => this.#flow(entry, report, at));
    this.streams = flows.filter((flow) => flow !== null && flow.isMoving);
    const trips = entries.filter(({ type, roundTripTime }) => type === "remote-inbound-rtp" && roundTripTime > 0);
    if (flows.length === 0 && this.samples.length === 0) return;
    const [out, come] = ["out", "in"].map((direction) => this.streams.filter((flow) => flow.direction === direction));
    this.samples.push({
      at,
      sent: sum(out, "rate"),
      received: sum(come, "rate"),
      sentFrames: most(out, "frames"),
      receivedFrames: most(come, "frames"),
      roundTrip: this.streams.length > 0 && trips.length > 0 ? Math.max(...trips.map(({ roundTripTime }) => roundTripTime)) : null,
    });
    if (this.samples.length > KEPT) this.samples.shift();
  }

  #flow(entry, report, at) {
    const isOut = entry.type === "outbound-rtp";
    const bytes = (isOut ? entry.bytesSent : entry.bytesReceived) ?? 0;
    const frames = (isOut ? entry.framesEncoded : entry.framesDecoded) ?? 0;
    const last = this.#last.get(entry.id);
    const now = { at, bytes, frames, movedAt: last && bytes <= last.bytes ? last.movedAt : at };
    this.#last.set(entry.id, now);
    if (!last || at <= last.at) return null;
    const seconds = (at - last.at) / 1000;
    return {
      id: entry.id,
      direction: isOut ? "out" : "in",
      kind: entry.kind,
      rid: entry.rid ?? null,
      codec: report.get(entry.codecId) ? nameOf(report.get(entry.codecId)) : null,
      width: entry.frameWidth ?? null,
      height: entry.frameHeight ?? null,
      rate: Math.max(0, bytes - last.bytes) / seconds,
      frames: entry.kind === "video" ? Math.max(0, frames - last.frames) / seconds : null,
      lost: entry.packetsLost ?? null,
      isMoving: bytes > 0 && at - now.movedAt < QUIET_AFTER_MS,
    };
  }
}

function sum(flows, name) {
  return flows.reduce((total, flow) => total + flow[name], 0);
}

/** Layers of simulcast show the same frames, so theirs are not added up. */
function most(flows, name) {
  return Math.max(0, ...flows.map((flow) => flow[name] ?? 0));
}
