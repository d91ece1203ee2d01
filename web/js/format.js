// Numbers as people read them.

const UNITS = ["B", "KiB", "MiB", "GiB", "TiB"];

export function formatBytes(bytes) {
  let value = bytes;
  let unit = 0;
  while (value >= 1024 && unit < UNITS.length - 1) {
    value /= 1024;
    unit += 1;
  }
  return `${unit === 0 || value >= 100 ? Math.round(value) : value.toFixed(1)} ${UNITS[unit]}`;
}

/** Bytes per second as bits per second, the way links are measured. */
export function formatRate(bytesPerSecond) {
  const bits = bytesPerSecond * 8;
  for (const [size, unit] of [[1e9, "Gbit/s"], [1e6, "Mbit/s"], [1e3, "kbit/s"]]) {
    if (bits >= size) return `${round(bits / size)} ${unit}`;
  }
  return `${Math.round(bits)} bit/s`;
}

export function formatMilliseconds(seconds) {
  const milliseconds = seconds * 1000;
  return `${milliseconds >= 10 ? Math.round(milliseconds) : milliseconds.toFixed(1)} ms`;
}

export function formatFrames(perSecond) {
  return `${Math.round(perSecond)} fps`;
}

export function formatDuration(seconds) {
  return seconds < 1 ? formatMilliseconds(seconds) : `${seconds.toFixed(1)} s`;
}

export function formatTime(date) {
  return date.toLocaleTimeString([], { hour: "2-digit", minute: "2-digit" });
}

function round(value) {
  return value >= 100 ? Math.round(value) : Number(value.toFixed(value >= 10 ? 1 : 2));
}
