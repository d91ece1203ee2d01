// Inside the connection: states, the chosen pair, plots, the timeline and the candidates.

import { describeCandidate, endpoint } from "./candidates.js";
import { byId, element, setText, stickToEnd } from "./dom.js";
import { formatMilliseconds, formatRate } from "./format.js";
import { Plot } from "./plot.js";

const STATE_NAMES = {
  signalingState: "signaling",
  iceGatheringState: "ICE gathering",
  iceConnectionState: "ICE connection",
  connectionState: "connection",
};
const TONES = {
  good: ["stable", "complete", "completed", "connected"],
  busy: ["checking", "connecting", "gathering", "have-local-offer", "have-remote-offer"],
  bad: ["failed", "disconnected"],
};
const SHOWN_ENTRIES = 500;

export class DiagnosticsView {
  #session = null;
  #states = {};
  #rate = new Plot(byId("plot-rate"), {
    series: [
      { value: (sample) => sample.received, color: "--in" },
      { value: (sample) => sample.sent, color: "--out" },
    ],
    format: formatRate,
    floor: 125, // 1 kbit/s
  });
  #trip = new Plot(byId("plot-trip"), {
    series: [{ value: (sample) => sample.roundTrip, color: "--trip" }],
    format: formatMilliseconds,
    floor: 0.001,
  });

  constructor() {
    for (const [name, title] of Object.entries(STATE_NAMES)) {
      const value = element("dd");
      const box = element("div", {}, element("dt", { title: name }, title), value);
      this.#states[name] = { box, value };
      byId("states").append(box);
    }
    stickToEnd(byId("panel-timeline"), byId("timeline"));
    tabs(byId("tab-timeline"), byId("tab-candidates"));
  }

  show(session) {
    if (session === this.#session) return;
    this.#session = session;
    byId("timeline").replaceChildren(...(session?.peer.timeline ?? []).map(timelineRow));
    this.draw();
    this.drawStats(session);
  }

  addEntry(session, entry) {
    if (session !== this.#session) return;
    const timeline = byId("timeline");
    timeline.append(timelineRow(entry));
    if (timeline.children.length > SHOWN_ENTRIES) timeline.firstChild.remove();
  }

  draw() {
    if (!this.#session) return;
    const { peer } = this.#session;
    for (const [name, { box, value }] of Object.entries(this.#states)) {
      const state = peer.states[name];
      setText(value, state);
      box.dataset.tone = Object.keys(TONES).find((tone) => TONES[tone].includes(state)) ?? "idle";
    }
    this.#drawCandidates(peer);
  }

  drawStats(session) {
    if (!session || session !== this.#session) return;
    const { samples, latest, pair } = session.stats;
    this.#rate.show(samples);
    this.#trip.show(samples);
    setText(byId("rate-out"), `↑ ${latest ? formatRate(latest.sent) : "–"}`);
    setText(byId("rate-in"), `↓ ${latest ? formatRate(latest.received) : "–"}`);
    setText(byId("round-trip"), latest?.roundTrip ? formatMilliseconds(latest.roundTrip) : "–");
    drawPair(pair);
    this.#drawCandidates(session.peer);
  }

  #drawCandidates(peer) {
    const { pair } = this.#session.stats;
    const rows = [
      ...peer.localCandidates.map((candidate) => candidateRow("local", candidate, pair?.local)),
      ...peer.remoteCandidates.map((candidate) => candidateRow("remote", candidate, pair?.remote)),
    ];
    byId("candidates").replaceChildren(...rows);
    byId("candidates-empty").hidden = rows.length > 0;
    const count = rows.length ? ` (${rows.length})` : "";
    setText(byId("tab-candidates"), `Candidates${count}`);
  }
}

function drawPair(pair) {
  const node = byId("pair");
  if (!pair?.local || !pair.remote) {
    node.replaceChildren(element("span", { className: "quiet" }, "No pair chosen yet."));
    return;
  }
  const title = `local ${describeCandidate(pair.local)}, remote ${describeCandidate(pair.remote)}`;
  if (node.title === title) return;
  node.title = title;
  node.replaceChildren(...["local", "remote"].flatMap((side, index) => [
    index ? element("span", { "aria-hidden": "true" }, "↔") : null,
    element(
      "span",
      {},
      element("strong", {}, `${pair[side].type} ${pair[side].protocol}`),
      " ",
      element("span", { className: "mono" }, endpoint(pair[side])),
    ),
  ]).filter(Boolean));
}

function timelineRow({ at, kind, text, detail }) {
  return element(
    "li",
    { dataset: { kind } },
    element("time", {}, `${at.toFixed(at < 10_000 ? 1 : 0)} ms`),
    element("i", { "aria-hidden": "true" }),
    element("span", {}, element("b", {}, text), detail ? element("small", {}, `  ${detail}`) : null),
  );
}

function candidateRow(side, candidate, chosen) {
  const isChosen = Boolean(chosen) && chosen.port === candidate.port && chosen.type === candidate.type
    && (chosen.address === null || chosen.address === candidate.address) && chosen.protocol === candidate.protocol;
  const related = candidate.relatedAddress ? `via ${endpoint({ address: candidate.relatedAddress, port: candidate.relatedPort })}` : "";
  const tcp = candidate.tcpType ? ` ${candidate.tcpType}` : "";
  return element(
    "tr",
    { dataset: { chosen: String(isChosen) }, title: isChosen ? "In use" : "" },
    element("td", {}, side),
    element("td", {}, `${candidate.type} ${candidate.protocol}${tcp}`),
    element("td", { className: "mono" }, `${endpoint(candidate)} ${related}`.trim()),
    element("td", {}, String(candidate.priority)),
  );
}

/** Tabs as the ARIA practices have them: one stop for the Tab key, arrows between. */
function tabs(...buttons) {
  const choose = (chosen) => {
    for (const button of buttons) {
      const selected = button === chosen;
      button.setAttribute("aria-selected", String(selected));
      button.tabIndex = selected ? 0 : -1;
      byId(button.getAttribute("aria-controls")).hidden = !selected;
    }
  };
  for (const [index, button] of buttons.entries()) {
    button.addEventListener("click", () => choose(button));
    button.addEventListener("keydown", ({ key }) => {
      const step = { ArrowRight: 1, ArrowLeft: -1 }[key];
      if (!step) return;
      const next = buttons[(index + step + buttons.length) % buttons.length];
      choose(next);
      next.focus();
    });
  }
}
