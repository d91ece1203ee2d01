// Picture and sound on the page: tiles, what is sent and how, and plots of what flows.

import { codecNames } from "./codecs.js";
import { byId, element, setText } from "./dom.js";
import { formatFrames, formatMilliseconds, formatRate } from "./format.js";
import { Plot } from "./plot.js";
import { cameras } from "./sources.js";

const OUT = "--out";
const IN = "--in";

export class CallView {
  #session = null;
  #fail;
  #isStarting = false; // the visitor may be looking at the question for the camera
  #tiles = new Map(); // id -> {node, video, ...}
  #plots = [
    plot("call-plot-rate", [["received", IN], ["sent", OUT]], formatRate, 12_500),
    plot("call-plot-frames", [["receivedFrames", IN], ["sentFrames", OUT]], formatFrames, 10),
    plot("call-plot-trip", [["roundTrip", "--trip"]], formatMilliseconds, 0.001),
  ];

  constructor({ fail }) {
    this.#fail = fail;
    for (const kind of ["audio", "video"]) {
      const select = byId(`call-codec-${kind}`);
      select.append(...codecNames(kind).map((name) => element("option", { value: name }, name)));
      select.addEventListener("change", () => this.#try((call) => call.setCodec(kind, select.value)));
      byId(`call-mute-${kind}`).addEventListener("click", () => this.#try((call) => call.mute(kind, !call.muted[kind])));
    }
    byId("call-start").addEventListener("click", () => this.#start());
    byId("call-stop").addEventListener("click", () => this.#try((call) => call.stop()));
    byId("call-source").addEventListener("change", () => this.#call?.source && this.#start());
    byId("call-simulcast").addEventListener("change", ({ target }) => this.#try((call) => call.setSimulcast(target.checked)));
  }

  show(session) {
    if (session === this.#session) return;
    this.#session = session;
    for (const id of [...this.#tiles.keys()]) this.#removeTile(id);
    this.draw();
    this.drawStats(session);
  }

  draw() {
    if (!this.#session) return;
    const { call } = this.#session;
    const isOpen = this.#session.isReady && !this.#session.isClosed;
    const isSending = call.source !== null;
    byId("call-start").hidden = isSending;
    byId("call-start").disabled = !isOpen || this.#isStarting;
    for (const id of ["call-stop", "call-mute-audio", "call-mute-video"]) byId(id).hidden = !isSending;
    for (const [kind, verbs] of [["audio", ["Mute sound", "Unmute sound"]], ["video", ["Hide picture", "Show picture"]]]) {
      setText(byId(`call-mute-${kind}`), verbs[Number(call.muted[kind])]);
      byId(`call-codec-${kind}`).value = call.codecs[kind];
    }
    byId("call-simulcast").checked = call.simulcast;
    if (isSending && !this.#isStarting) byId("call-source").value = call.source;
    this.#drawTiles(call);
  }

  drawStats(session) {
    if (!session || session !== this.#session) return;
    const { samples, latest, streams } = session.media;
    byId("call-plots").hidden = samples.length === 0;
    for (const one of this.#plots) one.show(samples);
    setText(byId("call-rate-out"), `↑ ${latest ? formatRate(latest.sent) : "–"}`);
    setText(byId("call-rate-in"), `↓ ${latest ? formatRate(latest.received) : "–"}`);
    setText(byId("call-frames-out"), `↑ ${latest ? formatFrames(latest.sentFrames) : "–"}`);
    setText(byId("call-frames-in"), `↓ ${latest ? formatFrames(latest.receivedFrames) : "–"}`);
    setText(byId("call-trip"), latest?.roundTrip ? formatMilliseconds(latest.roundTrip) : "–");
    byId("call-streams").replaceChildren(...streams.map(streamLine));
  }

  get #call() {
    return this.#session?.call ?? null;
  }

  async #try(work) {
    if (!this.#call) return;
    try {
      await work(this.#call);
    } catch (error) {
      this.#fail(error.message);
    }
  }

  async #start() {
    this.#isStarting = true;
    this.draw();
    await this.#try((call) => call.start(byId("call-source").value));
    this.#isStarting = false;
    this.draw();
    await this.#listCameras();
  }

  /** Browsers tell the names once a camera was allowed. */
  async #listCameras() {
    const select = byId("call-source");
    const known = new Set([...select.options].map(({ value }) => value));
    const found = await cameras();
    if (found.length < 2) return;
    for (const { name, label } of found) {
      if (!known.has(name)) select.append(element("option", { value: name }, label || "Another camera"));
    }
  }

  #drawTiles(call) {
    const wanted = new Map(call.received);
    const who = this.#session.who.name;
    if (call.stream) wanted.set("own", call.stream);
    for (const id of this.#tiles.keys()) if (!wanted.has(id)) this.#removeTile(id);
    for (const [id, stream] of wanted) {
      let tile = this.#tiles.get(id);
      if (!tile) {
        tile = makeTile(id === "own" ? null : who);
        this.#tiles.set(id, tile);
        byId("tiles").append(tile.node);
      }
      tile.show(stream);
    }
    byId("tiles").hidden = wanted.size === 0;
  }

  #removeTile(id) {
    const { node, show } = this.#tiles.get(id);
    show(null);
    node.remove();
    this.#tiles.delete(id);
  }
}

/** One stream in a frame; without a name it is our own, and silent. */
function makeTile(name) {
  const video = element("video", { autoplay: true, playsInline: true, muted: name === null, "aria-label": name ? `Picture from ${name}` : "Your own picture" });
  const size = element("span", { className: "quiet" });
  const sound = element("button", { type: "button" });
  const node = element("figure", { className: "tile" }, video, element("figcaption", {}, element("span", {}, name ?? "You"), size, name ? sound : null));
  const draw = () => {
    setText(sound, video.muted ? "Sound on" : "Sound off");
    sound.setAttribute("aria-label", `${video.muted ? "Hear" : "Do not hear"} ${name}`);
    setText(size, video.videoWidth > 0 ? `${video.videoWidth} × ${video.videoHeight}` : "");
  };
  const play = () => video.play().catch(({ name: kind }) => {
    // A page that nobody has touched may show, but not be heard.
    if (kind !== "NotAllowedError" || video.muted) return;
    video.muted = true;
    play();
  });
  sound.addEventListener("click", () => {
    video.muted = !video.muted;
    play();
  });
  for (const event of ["volumechange", "resize", "loadedmetadata"]) video.addEventListener(event, draw);
  draw();
  return {
    node,
    show(stream) {
      if (video.srcObject === stream) return;
      video.srcObject = stream;
      if (stream) play();
    },
  };
}

function streamLine({ direction, kind, codec, rid, width, height, frames, rate, lost }) {
  const isOut = direction === "out";
  const what = [
    codec ?? kind,
    rid ? `layer ${rid}` : null,
    width ? `${width} × ${height}` : null,
    frames === null ? null : formatFrames(frames),
    formatRate(rate),
    lost > 0 ? `${lost} lost` : null,
  ];
  return element(
    "li",
    {},
    element("span", { className: `key ${direction}`, "aria-hidden": "true" }, isOut ? "↑" : "↓"),
    element("span", { className: "visually-hidden" }, isOut ? "Sent: " : "Received: "),
    what.filter(Boolean).join(", "),
  );
}

function plot(id, lines, format, floor) {
  const series = lines.map(([name, color]) => ({ value: (sample) => sample[name], color }));
  return new Plot(byId(id), { series, format, floor });
}
