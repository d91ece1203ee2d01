// Which codec a transceiver should use.

// What carries other codecs' packets again is no choice.
const HELPERS = ["rtx", "red", "ulpfec", "flexfec-03", "cn", "telephone-event"];

const ordered = new WeakSet();

/** The names to choose from, as in "VP8" or "opus", in the browser's order. */
export function codecNames(kind) {
  return [...new Set(capabilities(kind).map(nameOf))].filter((name) => !HELPERS.includes(name.toLowerCase()));
}

/** Put this codec first ("": the browser's own order). The other side may lack it, so the rest stays behind it. */
export function preferCodec(transceiver, name) {
  // Firefox numbers its codecs anew once it is asked for an order, and Chromium refuses that in a later offer.
  if (name === "" && !ordered.has(transceiver)) return;
  ordered.add(transceiver);
  const codecs = capabilities(transceiver.receiver.track.kind);
  const [first, rest] = [codecs.filter((codec) => nameOf(codec) === name), codecs.filter((codec) => nameOf(codec) !== name)];
  transceiver.setCodecPreferences?.([...first, ...rest]);
}

export function nameOf({ mimeType }) {
  return mimeType.slice(mimeType.indexOf("/") + 1);
}

function capabilities(kind) {
  return window.RTCRtpReceiver?.getCapabilities?.(kind)?.codecs ?? [];
}
