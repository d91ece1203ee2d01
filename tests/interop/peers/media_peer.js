// Marked pictures and tones in a browser, sent and read; tests/interop/media_marks.py says what a mark looks like.

const COLORS = { red: [224, 32, 32], green: [32, 176, 48], blue: [40, 64, 224], yellow: [232, 216, 40] };
const NUMBERS = 1 << 12;
const DARK = 96;
const BRIGHT = 160;
// A picture is read at this size: a block has 8 x 12 pixels of it, a colour 16 x 24.
const WIDTH = 64;
const HEIGHT = 48;

function encode(number) {
  const check = ((number ^ (number >> 4) ^ (number >> 8)) & 0xf) ^ 0b1010;
  return (number << 4) | check;
}

function drawMark(context, number, width, height) {
  const bits = encode(number % NUMBERS);
  for (let index = 0; index < 16; index += 1) {
    context.fillStyle = (bits >> (15 - index)) & 1 ? "#fff" : "#000";
    context.fillRect(((index % 8) * width) / 8, (Math.floor(index / 8) * height) / 4, width / 8, height / 4);
  }
  for (const [index, color] of Object.values(COLORS).entries()) {
    context.fillStyle = `rgb(${color})`;
    context.fillRect((index * width) / 4, height / 2, width / 4, height / 2);
  }
}

function readMark(context) {
  const { data } = context.getImageData(0, 0, WIDTH, HEIGHT);
  const mean = (left, top, width, height) => {
    const sums = [0, 0, 0];
    for (let y = top; y < top + height; y += 1) {
      for (let x = left; x < left + width; x += 1) {
        for (let channel = 0; channel < 3; channel += 1) sums[channel] += data[(y * WIDTH + x) * 4 + channel];
      }
    }
    return sums.map((sum) => sum / (width * height));
  };
  let bits = 0;
  let isClear = true;
  for (let index = 0; index < 16; index += 1) {
    const [red, green, blue] = mean((index % 8) * 8 + 2, Math.floor(index / 8) * 12 + 3, 4, 6);
    const value = (red + green + blue) / 3;
    if (value > DARK && value < BRIGHT) isClear = false;
    bits = (bits << 1) | Number(value >= BRIGHT);
  }
  const number = bits >> 4;
  const colors = [0, 1, 2, 3].map((index) => colorName(mean(index * 16 + 4, 30, 8, 12)));
  return { number: isClear && encode(number) === bits ? number : null, colors };
}

function colorName(color) {
  const distance = (wanted) => Math.max(...wanted.map((value, channel) => Math.abs(value - color[channel])));
  const [name, wanted] = Object.entries(COLORS).reduce((one, other) => (distance(one[1]) <= distance(other[1]) ? one : other));
  return distance(wanted) < 80 ? name : "?";
}

/** A timer that a tab in the background keeps. */
function every(milliseconds, work) {
  const source = `setInterval(() => postMessage(0), ${milliseconds})`;
  const worker = new Worker(URL.createObjectURL(new Blob([source], { type: "text/javascript" })));
  worker.onmessage = work;
  return () => worker.terminate();
}

class MarkedVideo {
  drawn = 0;

  constructor({ width, height, rate }) {
    const canvas = Object.assign(document.createElement("canvas"), { width, height });
    const context = canvas.getContext("2d", { alpha: false });
    drawMark(context, this.drawn, width, height);
    const stream = canvas.captureStream(0);
    [this.track] = stream.getVideoTracks();
    // Firefox has it where an earlier draft had it.
    const captured = this.track.requestFrame ? this.track : stream;
    this.stop = every(1000 / rate, () => {
      this.drawn += 1;
      drawMark(context, this.drawn, width, height);
      captured.requestFrame();
    });
  }
}

const RATE = 48000;

class Tone {
  constructor({ frequency }) {
    // Firefox has no running AudioContext on a machine without a sound card, and Chromium's elements end their tracks.
    this.ready = HTMLAudioElement.prototype.mozCaptureStream ? this.play(frequency) : this.oscillate(frequency);
  }

  async oscillate(frequency) {
    const context = new AudioContext();
    const destination = new MediaStreamAudioDestinationNode(context, { channelCount: 1 });
    const oscillator = new OscillatorNode(context, { frequency });
    oscillator.connect(new GainNode(context, { gain: 0.5 })).connect(destination);
    oscillator.start();
    await context.resume();
    this.keep = context;
    [this.track] = destination.stream.getAudioTracks();
  }

  /** Two minutes of a sine, which an element plays. */
  async play(frequency) {
    const element = document.createElement("audio");
    element.src = URL.createObjectURL(new Blob([wave(frequency, 120 * RATE)], { type: "audio/wav" }));
    const playing = new Promise((resolve) => (element.onplaying = resolve));
    await element.play();
    await playing;
    this.keep = element;
    const stream = element.mozCaptureStream();
    [this.track] = stream.getAudioTracks();
    this.track ??= await new Promise((resolve) => (stream.onaddtrack = ({ track }) => resolve(track)));
  }
}

/** As a WAV file: a header of 44 bytes, and 16-bit samples. */
function wave(frequency, samples) {
  const view = new DataView(new ArrayBuffer(44 + 2 * samples));
  const fields = [0x46464952, 36 + 2 * samples, 0x45564157, 0x20746d66, 16, 0x00010001, RATE, 2 * RATE, 0x00100002, 0x61746164, 2 * samples];
  for (const [index, value] of fields.entries()) view.setUint32(4 * index, value, true);
  for (let index = 0; index < samples; index += 1) {
    view.setInt16(44 + 2 * index, Math.sin((2 * Math.PI * frequency * index) / RATE) * 16000, true);
  }
  return view.buffer;
}

/** Counts what a received video track shows: each number once, however often it is painted. */
class Watch {
  constructor(track) {
    this.reset();
    this.context = new OffscreenCanvas(WIDTH, HEIGHT).getContext("2d", { willReadFrequently: true });
    if (window.MediaStreamTrackProcessor) this.process(track);
    else this.play(track);
  }

  reset() {
    Object.assign(this, { numbers: new Set(), unreadable: 0, wrongColors: 0, frames: 0, last: null, size: null });
  }

  take(image, width, height) {
    this.context.drawImage(image, 0, 0, WIDTH, HEIGHT);
    const { number, colors } = readMark(this.context);
    this.frames += 1;
    this.size = [width, height];
    if (number === null) this.unreadable += 1;
    else {
      this.numbers.add(number);
      this.last = number;
    }
    if (colors.join() !== Object.keys(COLORS).join()) this.wrongColors += 1;
  }

  /** Every decoded frame, shown or not. */
  async process(track) {
    const reader = new MediaStreamTrackProcessor({ track, maxBufferSize: 30 }).readable.getReader();
    for (;;) {
      const { value, done } = await reader.read();
      if (done) return;
      this.take(value, value.displayWidth, value.displayHeight);
      value.close();
    }
  }

  play(track) {
    const video = Object.assign(document.createElement("video"), { muted: true, srcObject: new MediaStream([track]) });
    document.body.append(video);
    const look = () => {
      if (video.videoWidth > 0) this.take(video, video.videoWidth, video.videoHeight);
      video.requestVideoFrameCallback(look);
    };
    video.requestVideoFrameCallback(look);
    video.play();
  }

  seen() {
    const { numbers, unreadable, wrongColors, frames, last, size } = this;
    return { numbers: [...numbers], unreadable, wrongColors, frames, last, size };
  }
}

class Ear {
  constructor(track) {
    this.stream = new MediaStream([track]);
    // Chromium gives a received track no data unless an element plays it.
    this.element = Object.assign(document.createElement("audio"), { muted: true, srcObject: this.stream });
    this.element.play();
  }

  /** The latest third of a second, as numbers from -32768 to 32767. */
  async samples() {
    const context = new OfflineAudioContext(1, RATE, RATE);
    // A recording of what does not sound is no file.
    const buffer = await context.decodeAudioData(await this.record(600)).catch(() => null);
    if (buffer === null) return [];
    return [...buffer.getChannelData(0).slice(-RATE / 3)].map((value) => Math.round(value * 32767));
  }

  async record(milliseconds) {
    const recorder = new MediaRecorder(this.stream);
    const parts = [];
    recorder.ondataavailable = ({ data }) => parts.push(data);
    const stopped = new Promise((resolve) => (recorder.onstop = resolve));
    recorder.start();
    await new Promise((resolve) => setTimeout(resolve, milliseconds));
    recorder.stop();
    await stopped;
    return await new Blob(parts).arrayBuffer();
  }
}

class Media {
  sources = new Map();
  watches = new Map(); // by mid
  ears = new Map();

  constructor(pc) {
    this.pc = pc;
    pc.addEventListener("track", ({ track, transceiver }) => {
      if (track.kind === "video") this.watch(transceiver.mid, track);
      else this.listen(transceiver.mid, track);
    });
  }

  watch(mid, track) {
    if (!this.watches.has(mid)) this.watches.set(mid, new Watch(track));
  }

  listen(mid, track) {
    if (!this.ears.has(mid)) this.ears.set(mid, new Ear(track));
  }

  async make(name, kind, options) {
    const source = kind === "video" ? new MarkedVideo(options) : new Tone(options);
    await source.ready;
    this.sources.set(name, source);
  }

  track(name) {
    return name === null ? null : this.sources.get(name).track;
  }

  sender(name) {
    return this.pc.getSenders().find(({ track }) => track === this.track(name));
  }

  addTrack(name) {
    this.pc.addTrack(this.track(name), new MediaStream());
  }

  addTransceiver(nameOrKind, init) {
    this.pc.addTransceiver(this.sources.get(nameOrKind)?.track ?? nameOrKind, init);
  }

  transceiver(mid) {
    return this.pc.getTransceivers().find((one) => one.mid === mid);
  }

  /** Only this codec and what serves it; the others stay out, so that nothing else can be chosen. */
  prefer(kind, name) {
    const wanted = (codec) => codec.mimeType.toLowerCase() === `${kind}/${name}`.toLowerCase() || /\/rtx$/.test(codec.mimeType);
    const codecs = RTCRtpReceiver.getCapabilities(kind).codecs.filter(wanted);
    for (const one of this.pc.getTransceivers()) if (one.receiver.track.kind === kind) one.setCodecPreferences(codecs);
  }

  codecs(kind) {
    return [...new Set(RTCRtpReceiver.getCapabilities(kind).codecs.map(({ mimeType }) => mimeType.split("/")[1]))];
  }

  transceivers() {
    return this.pc.getTransceivers().map(({ mid, direction, currentDirection, receiver, sender }) => ({
      mid,
      direction,
      currentDirection,
      kind: receiver.track.kind,
      sends: [...this.sources].find(([, { track }]) => track === sender.track)?.[0] ?? null,
    }));
  }

  /** What getStats() counts, of one direction and kind, summed: frames, packets, lost; and the codec. */
  async flow(direction, kind) {
    const report = await this.pc.getStats();
    const type = direction === "out" ? "outbound-rtp" : "inbound-rtp";
    const entries = [...report.values()].filter((one) => one.type === type && one.kind === kind);
    const sum = (...names) => entries.reduce((total, one) => total + (names.map((name) => one[name]).find((value) => value !== undefined) ?? 0), 0);
    return {
      codecs: [...new Set(entries.map(({ codecId }) => report.get(codecId)?.mimeType.split("/")[1]).filter(Boolean))],
      frames: direction === "out" ? sum("framesSent", "framesEncoded") : sum("framesDecoded"),
      packets: direction === "out" ? sum("packetsSent") : sum("packetsReceived"),
      lost: direction === "out" ? 0 : sum("packetsLost"),
      keyFrames: direction === "out" ? sum("keyFramesEncoded") : sum("keyFramesDecoded"),
      rids: entries.filter(({ rid, packetsSent }) => rid && packetsSent > 0).map(({ rid }) => rid),
    };
  }
}

window.startMedia = (pc) => {
  window.media = new Media(pc);
};
