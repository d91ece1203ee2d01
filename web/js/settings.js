// The settings drawer; what is in it is remembered by the browser.

import { parseIceServers } from "./candidates.js";
import { byId, setText } from "./dom.js";

const KEY = "rtcpeer.settings";

export function settingsDrawer(app) {
  const dialog = byId("settings");
  Object.assign(app.settings, remembered());
  byId("settings-open").addEventListener("click", () => {
    byId("ice-servers").value = app.settings.iceServers;
    byId("relay-only").checked = app.settings.relayOnly;
    byId("chunk").value = String(app.settings.chunk);
    setText(byId("ice-error"), "");
    dialog.showModal();
  });
  byId("settings-cancel").addEventListener("click", () => dialog.close());
  byId("settings-form").addEventListener("submit", (event) => {
    try {
      parseIceServers(byId("ice-servers").value);
    } catch (error) {
      event.preventDefault();
      setText(byId("ice-error"), error.message);
      byId("ice-servers").focus();
      return;
    }
    app.settings.iceServers = byId("ice-servers").value;
    app.settings.relayOnly = byId("relay-only").checked;
    app.settings.chunk = Number(byId("chunk").value);
    localStorage.setItem(KEY, JSON.stringify(app.settings));
  });
}

function remembered() {
  try {
    return JSON.parse(localStorage.getItem(KEY) ?? "{}");
  } catch {
    return {};
  }
}
