// The side of the page: joining, who is here, and how candidates are signalled.

import { byId, element, setText } from "./dom.js";

const MODE_HELP = {
  trickle: "Each candidate is sent as soon as it is found, so that checks begin at once.",
  bulk: "One description with all candidates, sent when gathering has ended. Slower to start.",
};

export class RoomView {
  #app;
  #rows = new Map();
  #fail;

  constructor(app, { fail, say }) {
    this.#app = app;
    this.#fail = fail;
    byId("join-form").addEventListener("submit", (event) => {
      event.preventDefault();
      this.#join();
    });
    byId("leave").addEventListener("click", () => {
      app.leave();
      byId("join").focus();
    });
    byId("copy-link").addEventListener("click", () => copyLink(say));
    for (const radio of document.getElementsByName("mode")) {
      radio.checked = radio.value === app.mode;
      radio.addEventListener("change", () => this.setMode(radio.value));
    }
    this.setMode(app.mode);
  }

  setMode(mode) {
    if (!MODE_HELP[mode]) throw new TypeError(`mode is "trickle" or "bulk", not ${mode}`);
    this.#app.mode = mode;
    localStorage.setItem("rtcpeer.mode", mode);
    for (const radio of document.getElementsByName("mode")) radio.checked = radio.value === mode;
    setText(byId("mode-help"), `${MODE_HELP[mode]} Holds for the next connection.`);
  }

  draw() {
    const { signaling, peers, room, name } = this.#app;
    const inRoom = signaling.status !== "closed";
    byId("join-form").hidden = inRoom;
    byId("room-card").hidden = !inRoom;
    setText(byId("room-name"), room ?? "");
    setText(byId("own-name"), name ?? "");
    const empty = byId("peers-empty");
    empty.hidden = peers.size > 0;
    setText(empty, signaling.status === "joined" ? "Nobody else yet." : inRoom ? "Waiting for the server." : "Join a room first.");
    this.#drawPeers(peers);
  }

  // Rows are kept, not rebuilt: the focus must survive a state change.
  #drawPeers(peers) {
    for (const [id, row] of this.#rows) {
      if (peers.has(id)) continue;
      row.node.remove();
      this.#rows.delete(id);
    }
    for (const peer of peers.values()) {
      let row = this.#rows.get(peer.id);
      if (!row) {
        row = this.#row(peer.id);
        this.#rows.set(peer.id, row);
        byId("peers").append(row.node);
      }
      this.#drawPeer(row, peer);
    }
  }

  #row(id) {
    const name = element("strong");
    const state = element("small");
    const avatar = element("span", { className: "avatar", "aria-hidden": "true" });
    const who = element("button", { type: "button", className: "who" }, avatar, element("span", {}, name, state));
    const action = element("button", { type: "button" });
    who.addEventListener("click", () => {
      this.#app.select(id);
      showStage();
    });
    action.addEventListener("click", () => this.toggle(id));
    return { node: element("li", { className: "peer" }, who, action), name, state, avatar, who, action };
  }

  #drawPeer({ node, name, state, avatar, who, action }, peer) {
    const { status, tone, live } = describe(this.#app.sessions.get(peer.id));
    const session = this.#app.sessions.get(peer.id);
    node.dataset.tone = tone;
    node.dataset.selected = String(peer.id === this.#app.selected);
    who.setAttribute("aria-pressed", node.dataset.selected);
    setText(avatar, [...peer.name][0]?.toUpperCase() ?? "?");
    setText(name, peer.name);
    name.title = `${peer.name} (${peer.id})`;
    setText(state, peer.present ? status : `${status}, left the room`);
    if (session?.unread) state.append(" ", element("span", { className: "badge", "aria-label": `${session.unread} unread` }, String(session.unread)));
    setText(action, live ? "Disconnect" : "Connect");
    action.setAttribute("aria-label", `${live ? "Disconnect from" : "Connect to"} ${peer.name}`);
    action.hidden = live;
  }

  toggle(id) {
    const session = this.#app.sessions.get(id);
    if (session && !session.isClosed) {
      this.#app.disconnect(id);
      return;
    }
    try {
      this.#app.connect(id);
      showStage();
    } catch (error) {
      this.#fail(error.message);
    }
  }

  #join() {
    const name = byId("name").value.trim();
    const room = byId("room").value.trim();
    if (!name || !room) {
      this.#fail("A name and a room are needed.");
      return;
    }
    this.#app.join(room, name);
  }
}

/** What a session is doing, for people. */
export function describe(session) {
  if (!session) return { status: "Not connected", tone: "idle", live: false };
  if (session.isClosed) return { status: "Disconnected", tone: "idle", live: false };
  const { connectionState } = session.peer.states;
  if (connectionState === "disconnected") return { status: "Interrupted", tone: "bad", live: true };
  if (session.isReady) return { status: "Connected", tone: "good", live: true };
  return { status: "Connecting…", tone: "busy", live: true };
}

/** On a phone the connection lies below the room. */
function showStage() {
  if (window.matchMedia("(max-width: 720px)").matches) byId("stage").scrollIntoView({ block: "start" });
}

async function copyLink(say) {
  try {
    await navigator.clipboard.writeText(location.href);
    say("The link to this room is on your clipboard.");
  } catch {
    // Without https: there is no clipboard.
    say(`The link to this room: ${location.href}`);
  }
}
