// The page: makes the parts, and draws them when the state behind them changes.

import { App } from "./app.js";
import { CallView } from "./call_view.js";
import { ConversationView } from "./conversation.js";
import { demo } from "./demo.js";
import { DiagnosticsView } from "./diagnostics.js";
import { byId, element, oncePerFrame, setText } from "./dom.js";
import { describe, RoomView } from "./room.js";
import { settingsDrawer } from "./settings.js";
import { Signaling } from "./signaling.js";

const TOAST_MS = 8_000;
const SERVER_STATUS = {
  closed: ["Not joined", "idle"],
  connecting: ["Reaching the server…", "busy"],
  open: ["Entering the room…", "busy"],
  joined: ["In the room", "good"],
  waiting: ["Server gone", "bad"],
};
const EMPTY = {
  outside: ["Two peers, one wire", "Join a room to see who is there. Then connect, talk, send files,\nshow yourself, and watch how the two of you find each other."],
  alone: ["Nobody else is here yet", "Open the link to this room on another device or in another tab,\nor let a Python peer join it: see examples/datachannel_echo."],
  choose: ["Choose a peer", "Press Connect beside a name. Text, files, picture and sound then go directly between the two of you."],
  missing: ["This browser has no WebRTC", "RTCPeerConnection is missing or switched off. A current Chromium, Firefox or Safari has it."],
};

function main() {
  const socketUrl = new URL("ws", location.href);
  socketUrl.protocol = location.protocol === "https:" ? "wss:" : "ws:";
  socketUrl.search = socketUrl.hash = "";
  const app = new App(new Signaling(socketUrl.href));
  if (localStorage.getItem("rtcpeer.mode") === "bulk") app.mode = "bulk";
  const fail = (message) => toast(message, "bad");
  const room = new RoomView(app, { fail, say: (message) => toast(message, "info") });
  const conversation = new ConversationView({ fail });
  const call = new CallView({ fail });
  const diagnostics = new DiagnosticsView();
  settingsDrawer(app);
  prefill();

  const draw = oncePerFrame(() => {
    drawServer(app);
    drawStage(app);
    room.draw();
    call.draw();
    conversation.draw();
    diagnostics.draw();
  });
  app.on("change", draw);
  app.on("select", () => {
    call.show(app.session);
    conversation.show(app.session);
    diagnostics.show(app.session);
  });
  app.on("session", (session) => {
    session.on("item", (item) => conversation.add(session, item));
    session.on("entry", (entry) => diagnostics.addEntry(session, entry));
    session.on("stats", () => {
      call.drawStats(session);
      diagnostics.drawStats(session);
    });
  });
  app.on("error", ({ message }) => fail(message));
  app.signaling.on("joined", () => remember(app));
  byId("session-action").addEventListener("click", () => room.toggle(app.selected));
  byId("session-restart").addEventListener("click", () => app.session?.restart());
  byId("banner-retry").addEventListener("click", () => app.signaling.retryNow());
  // The banner counts down.
  setInterval(() => app.signaling.status === "waiting" && drawServer(app), 1000);

  if (!window.RTCPeerConnection) byId("join").disabled = true;
  draw();
  window.rtcpeerDemo = demo(app, room);
}

function drawServer({ signaling }) {
  const [text, tone] = SERVER_STATUS[signaling.status];
  setText(byId("server-status"), text);
  byId("server-status").dataset.tone = tone;
  byId("banner").hidden = signaling.status !== "waiting";
  if (signaling.status !== "waiting") return;
  const seconds = Math.max(0, Math.ceil((signaling.retryAt - Date.now()) / 1000));
  setText(byId("banner-text"), `The signalling server does not answer. Connections that stand go on; trying again in ${seconds} s.`);
}

function drawStage(app) {
  const { session, peers, signaling } = app;
  byId("session").hidden = !session;
  byId("empty").hidden = Boolean(session);
  if (session) {
    drawHead(session);
    return;
  }
  const inRoom = signaling.status !== "closed";
  const which = !window.RTCPeerConnection ? "missing" : !inRoom ? "outside" : peers.size === 0 ? "alone" : "choose";
  setText(byId("empty-title"), EMPTY[which][0]);
  setText(byId("empty-text"), EMPTY[which][1]);
}

function drawHead(session) {
  const { status, live } = describe(session);
  const { trickle, connectedAfter } = session.peer;
  setText(byId("session-name"), session.who.name);
  const after = connectedAfter === null ? "" : `, found each other in ${Math.round(connectedAfter)} ms`;
  setText(byId("session-summary"), `${status}${after} · ${trickle ? "trickle" : "bulk"} · ${session.who.polite ? "we yield" : "they yield"} when both offer`);
  setText(byId("session-action"), live ? "Disconnect" : "Connect again");
  byId("session-action").className = live ? "danger" : "primary";
  byId("session-restart").hidden = session.isClosed || session.peer.connectedAfter === null;
}

function prefill() {
  const query = new URLSearchParams(location.search);
  const hash = new URLSearchParams(location.hash.slice(1));
  byId("name").value = localStorage.getItem("rtcpeer.name") ?? "";
  byId("room").value = query.get("room") ?? hash.get("room") ?? localStorage.getItem("rtcpeer.room") ?? "lobby";
  (byId("name").value ? byId("join") : byId("name")).focus({ preventScroll: true });
}

function remember({ room, name }) {
  localStorage.setItem("rtcpeer.name", name);
  localStorage.setItem("rtcpeer.room", room);
  const url = new URL(location.href);
  url.searchParams.set("room", room);
  url.hash = "";
  history.replaceState(null, "", url);
}

function toast(message, tone) {
  const close = element("button", { type: "button", "aria-label": "Dismiss" }, "✕");
  const node = element("div", { className: "toast", dataset: { tone } }, element("span", {}, message), close);
  close.addEventListener("click", () => node.remove());
  setTimeout(() => node.remove(), TOAST_MS);
  byId("toasts").append(node);
}

main();
