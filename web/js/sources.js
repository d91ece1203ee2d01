// What can be sent: a camera and a microphone, or a picture and a tone that the page makes itself.

const WIDTH = 640;
const HEIGHT = 480;
const FRAMES_PER_SECOND = 30;
const TONE_HZ = 440;
const TONE_GAIN = 0.08;
const BARS = ["#c9ccd4", "#c6bd2b", "#2bb8c0", "#35a84b", "#b445a8", "#c1393b", "#2f5fde"];

/**
 * Open a source by name: "camera", "camera:DEVICE" or "generated". What the machine lacks, or the visitor refuses, is generated.
 * Resolves to {name, stream, complaint, stop()}; `name` is "generated" where nothing of the machine's is in it.
 */
export async function openSource(name) {
  if (name === "generated") return generated(name, ["audio", "video"], null);
  const device = name.startsWith("camera:") ? name.slice("camera:".length) : null;
  const video = { width: { ideal: WIDTH }, height: { ideal: HEIGHT }, ...(device ? { deviceId: { exact: device } } : {}) };
  const { tracks, complaint } = await capture({ audio: true, video });
  const missing = ["audio", "video"].filter((kind) => !tracks.some((track) => track.kind === kind));
  const made = generated(missing.length === 2 ? "generated" : name, missing, complaint);
  for (const track of tracks) made.stream.addTrack(track);
  return made;
}

/** The cameras that the browser tells of: all of them, and by name, once one was allowed. */
export async function cameras() {
  const devices = (await navigator.mediaDevices?.enumerateDevices().catch(() => [])) ?? [];
  return devices.filter(({ kind, deviceId }) => kind === "videoinput" && deviceId).map(({ deviceId, label }) => ({ name: `camera:${deviceId}`, label }));
}

/** What there is of both kinds; one that is missing does not take the other with it. */
async function capture(wanted) {
  // Only https: and localhost have devices.
  if (!navigator.mediaDevices?.getUserMedia) return { tracks: [], complaint: "Without https: browsers give a page no camera." };
  try {
    return { tracks: (await navigator.mediaDevices.getUserMedia(wanted)).getTracks(), complaint: null };
  } catch (error) {
    if (error.name === "NotAllowedError") return { tracks: [], complaint: "Camera and microphone are not allowed here." };
  }
  const tracks = [];
  const missing = [];
  for (const [kind, noun] of [["audio", "microphone"], ["video", "camera"]]) {
    try {
      tracks.push(...(await navigator.mediaDevices.getUserMedia({ [kind]: wanted[kind] })).getTracks());
    } catch {
      missing.push(noun);
    }
  }
  return { tracks, complaint: missing.length > 0 ? `There is no ${missing.join(" and no ")} to use.` : null };
}

function generated(name, kinds, complaint) {
  const stream = new MediaStream();
  const parts = kinds.map((kind) => (kind === "video" ? picture() : tone()));
  for (const { track } of parts) stream.addTrack(track);
  return {
    name,
    stream,
    complaint,
    stop() {
      for (const track of stream.getTracks()) track.stop();
      for (const { end } of parts) end();
    },
  };
}

function picture() {
  const canvas = document.createElement("canvas");
  canvas.width = WIDTH;
  canvas.height = HEIGHT;
  const context = canvas.getContext("2d", { alpha: false });
  let number = 0;
  const draw = () => drawPicture(context, number++);
  draw();
  // Not requestAnimationFrame: a page in the background gets none, and its visitor wants to be seen still.
  const timer = setInterval(draw, 1000 / FRAMES_PER_SECOND);
  const [track] = canvas.captureStream(FRAMES_PER_SECOND).getVideoTracks();
  return { track, end: () => clearInterval(timer) };
}

function drawPicture(context, number) {
  const width = WIDTH / BARS.length;
  for (const [index, color] of BARS.entries()) {
    context.fillStyle = color;
    context.fillRect(Math.floor(index * width), 0, Math.ceil(width), HEIGHT);
  }
  context.fillStyle = "#101623";
  context.fillRect(0, HEIGHT * 0.66, WIDTH, HEIGHT * 0.34);
  // A hand that goes round once in four seconds shows at a glance whether frames are missing.
  const angle = (number / (4 * FRAMES_PER_SECOND)) * 2 * Math.PI;
  const [x, y, radius] = [WIDTH * 0.13, HEIGHT * 0.83, HEIGHT * 0.13];
  context.strokeStyle = "#ffffff";
  context.lineWidth = 5;
  context.beginPath();
  context.arc(x, y, radius, 0, 2 * Math.PI);
  context.moveTo(x, y);
  context.lineTo(x + Math.sin(angle) * radius, y - Math.cos(angle) * radius);
  context.stroke();
  context.fillStyle = "#ffffff";
  context.font = "600 46px system-ui, sans-serif";
  context.textBaseline = "middle";
  context.fillText(new Date().toLocaleTimeString([], { hour12: false }), WIDTH * 0.27, HEIGHT * 0.77);
  context.font = "30px system-ui, sans-serif";
  context.fillText(`frame ${number}`, WIDTH * 0.27, HEIGHT * 0.89);
}

function tone() {
  const context = new AudioContext();
  const oscillator = new OscillatorNode(context, { frequency: TONE_HZ });
  const destination = new MediaStreamAudioDestinationNode(context, { channelCount: 1 });
  oscillator.connect(new GainNode(context, { gain: TONE_GAIN })).connect(destination);
  oscillator.start();
  // Made outside of a click it would wait for one.
  context.resume().catch(() => {});
  const [track] = destination.stream.getAudioTracks();
  return { track, end: () => context.close().catch(() => {}) };
}
