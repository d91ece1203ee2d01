// What getStats() tells about the path in use: the pair, its round-trip time, and how fast bytes move.

const INTERVAL_MS = 500;
const KEPT = 120; // one minute

export class PathStats {
  /** Samples, oldest first: {at, sent, received (bytes per second), roundTrip (seconds or null)}. */
  samples = [];
  pair = null;
  #pc;
  #timer;
  #last = null;
  #changed;

  /** `changed` is called with each report and its time, once the samples are made of it. */
  constructor(pc, changed) {
    this.#pc = pc;
    this.#changed = changed;
    this.#timer = setInterval(() => this.sample(), INTERVAL_MS);
  }

  stop() {
    clearInterval(this.#timer);
  }

  get latest() {
    return this.samples.at(-1) ?? null;
  }

  async sample() {
    if (this.#pc.connectionState !== "connected") return;
    const report = await this.#pc.getStats();
    const pair = selectedPair(report);
    if (!pair) return;
    this.pair = {
      id: pair.id,
      local: candidate(report.get(pair.localCandidateId)),
      remote: candidate(report.get(pair.remoteCandidateId)),
    };
    const now = { at: performance.now(), sent: pair.bytesSent ?? 0, received: pair.bytesReceived ?? 0 };
    const last = this.#last;
    this.#last = { ...now, id: pair.id };
    // Another pair counts from its own beginning.
    if (last && last.id === pair.id) {
      const seconds = (now.at - last.at) / 1000;
      this.samples.push({
        at: now.at,
        sent: Math.max(0, now.sent - last.sent) / seconds,
        received: Math.max(0, now.received - last.received) / seconds,
        roundTrip: pair.currentRoundTripTime ?? null,
        totals: { sent: now.sent, received: now.received },
      });
      if (this.samples.length > KEPT) this.samples.shift();
    }
    this.#changed(report, now.at);
  }
}

function selectedPair(report) {
  let candidatePair = null;
  for (const entry of report.values()) {
    if (entry.type === "transport" && entry.selectedCandidatePairId) return report.get(entry.selectedCandidatePairId);
    if (entry.type !== "candidate-pair") continue;
    // Firefox has no transport report of older kinds; it marks the pair.
    if (entry.selected || (entry.nominated && entry.state === "succeeded")) candidatePair ??= entry;
  }
  return candidatePair;
}

function candidate(entry) {
  if (!entry) return null;
  return {
    type: entry.candidateType,
    protocol: entry.protocol,
    address: entry.address ?? entry.ip ?? null,
    port: entry.port,
    priority: entry.priority,
    tcpType: entry.tcpType ?? null,
  };
}
