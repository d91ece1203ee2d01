// The conversation: messages, files, and the fields that send them.

import { byId, element, oncePerFrame, setText, stickToEnd } from "./dom.js";
import { formatBytes, formatDuration, formatRate, formatTime } from "./format.js";

export class ConversationView {
  #session = null;
  #fail;
  #feed = byId("feed");

  constructor({ fail }) {
    this.#fail = fail;
    stickToEnd(byId("feed-scroll"), this.#feed);
    byId("composer").addEventListener("submit", (event) => {
      event.preventDefault();
      this.#sendText();
    });
    byId("attach").addEventListener("click", () => byId("file").click());
    byId("file").addEventListener("change", ({ target }) => {
      this.#sendFiles(target.files);
      target.value = "";
    });
    byId("echo").addEventListener("click", () => this.#echo());
    this.#acceptDrops(byId("talk"));
  }

  show(session) {
    if (session === this.#session) return;
    this.#session = session;
    this.#feed.replaceChildren();
    for (const item of session?.items ?? []) this.#append(item);
    this.draw();
  }

  add(session, item) {
    if (session === this.#session) this.#append(item);
  }

  draw() {
    const ready = Boolean(this.#session?.isReady && !this.#session.isClosed);
    for (const id of ["text", "send", "attach"]) byId(id).disabled = !ready;
    byId("echo").disabled = !ready || byId("echo").getAttribute("aria-busy") === "true";
    byId("feed-empty").hidden = this.#feed.children.length > 0;
    setText(byId("feed-empty"), ready ? "Say hello, or drop a file here." : "Waiting for the connection…");
  }

  #append(item) {
    this.#feed.append(item.kind === "file" ? fileCard(item.transfer) : line(item));
    if (item.from === "me") byId("feed-scroll").scrollTop = byId("feed-scroll").scrollHeight;
    byId("feed-empty").hidden = true;
  }

  #sendText() {
    const field = byId("text");
    if (!field.value) return;
    try {
      this.#session.sendText(field.value);
      field.value = "";
    } catch (error) {
      this.#fail(error.message);
    }
  }

  #sendFiles(files) {
    for (const file of files) {
      try {
        this.#session.sendFile(file, file.name);
      } catch (error) {
        this.#fail(error.message);
        return;
      }
    }
  }

  async #echo() {
    const button = byId("echo");
    button.setAttribute("aria-busy", "true");
    this.draw();
    try {
      await this.#session.echo();
    } catch (error) {
      this.#fail(error.message);
    } finally {
      button.removeAttribute("aria-busy");
      this.draw();
    }
  }

  #acceptDrops(target) {
    const sign = byId("drop");
    const carriesFiles = (event) => event.dataTransfer?.types.includes("Files");
    // Files that miss the target must not replace the page.
    for (const name of ["dragover", "drop"]) window.addEventListener(name, (event) => carriesFiles(event) && event.preventDefault());
    target.addEventListener("dragover", (event) => {
      if (carriesFiles(event)) sign.hidden = !this.#session?.isReady;
    });
    target.addEventListener("dragleave", (event) => {
      if (!target.contains(event.relatedTarget)) sign.hidden = true;
    });
    target.addEventListener("drop", (event) => {
      sign.hidden = true;
      if (!carriesFiles(event)) return;
      if (this.#session?.isReady) this.#sendFiles(event.dataTransfer.files);
      else this.#fail("Connect to somebody first; then drop the file again.");
    });
  }
}

function line({ kind, from, text, at }) {
  if (kind === "note") return element("li", { className: "item note" }, text);
  const who = element("span", { className: "visually-hidden" }, from === "me" ? "You: " : "Peer: ");
  const time = element("time", { dateTime: at.toISOString() }, formatTime(at));
  return element("li", { className: `item ${from === "me" ? "me" : "peer-said"}` }, who, element("p", {}, text), time);
}

function fileCard(transfer) {
  const incoming = transfer.direction === "in";
  const name = element("strong");
  const size = element("span", { className: "quiet" });
  const progress = element("progress", { max: 1, value: 0, "aria-label": `${incoming ? "Receiving" : "Sending"} file` });
  const status = element("span", { className: "quiet" });
  const cancel = element("button", { type: "button", onclick: () => transfer.cancel() }, "Cancel");
  const foot = element("div", { className: "file-foot" }, status, cancel);
  const card = element("li", { className: `item file ${transfer.direction}` });
  card.append(element("div", { className: "file-head" }, name, size), progress, foot);
  const draw = () => {
    setText(name, transfer.name || "A file");
    setText(size, formatBytes(transfer.size));
    progress.value = transfer.size > 0 ? transfer.bytes / transfer.size : Number(transfer.status === "done");
    if (transfer.status !== "active") return;
    const verb = incoming ? "Receiving" : "Sending";
    setText(status, `${verb}, ${Math.floor(progress.value * 100)} %, ${formatRate(transfer.rate)}`);
  };
  transfer.on("progress", oncePerFrame(draw));
  const finish = () => {
    draw();
    endCard(transfer, { foot, status, cancel, progress });
  };
  if (transfer.status === "active") transfer.on("end", finish);
  draw();
  if (transfer.status !== "active") finish();
  return card;
}

function endCard(transfer, { foot, status, cancel, progress }) {
  const done = transfer.status === "done";
  cancel.remove();
  progress.hidden = true;
  status.dataset.tone = done ? "good" : "bad";
  const took = `in ${formatDuration(transfer.seconds)}, ${formatRate(transfer.rate)}`;
  setText(status, done ? `${transfer.direction === "in" ? "Received" : "Delivered"} ${took}` : transfer.error);
  if (!done) return;
  foot.before(element("code", { className: "hash", title: "SHA-256 of what was received" }, `SHA-256 ${transfer.sha256}`));
  if (transfer.direction === "in") {
    const url = (transfer.url ??= URL.createObjectURL(transfer.blob));
    foot.append(element("a", { href: url, download: transfer.name, "aria-label": `Save ${transfer.name}` }, "Save"));
  }
}
