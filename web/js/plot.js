// A live line plot on a canvas: one minute, newest at the right, colours from the style sheet.

const SPAN_MS = 60_000;

export class Plot {
  #canvas;
  #series;
  #format;
  #floor;
  #samples = [];

  /** `series`: [{value: (sample) => number|null, color: "--css-variable"}]; `floor`: the least value of a full scale. */
  constructor(canvas, { series, format, floor }) {
    this.#canvas = canvas;
    this.#series = series;
    this.#format = format;
    this.#floor = floor;
    new ResizeObserver(() => this.#draw()).observe(canvas);
    window.matchMedia("(prefers-color-scheme: dark)").addEventListener("change", () => this.#draw());
  }

  show(samples) {
    this.#samples = samples;
    this.#draw();
  }

  #draw() {
    const canvas = this.#canvas;
    const { width, height } = canvas.getBoundingClientRect();
    if (width === 0) return;
    const ratio = window.devicePixelRatio || 1;
    canvas.width = Math.round(width * ratio);
    canvas.height = Math.round(height * ratio);
    const context = canvas.getContext("2d");
    context.scale(ratio, ratio);
    const style = getComputedStyle(canvas);
    const top = niceCeiling(Math.max(this.#floor, ...this.#values()) * 1.1);
    const area = { left: 0, top: 14, right: width, bottom: height - 4 };
    this.#grid(context, style, area, top);
    for (const series of this.#series) this.#line(context, style, area, top, series);
  }

  *#values() {
    for (const sample of this.#samples) {
      for (const { value } of this.#series) yield value(sample) ?? 0;
    }
  }

  #grid(context, style, area, top) {
    context.strokeStyle = style.getPropertyValue("--line");
    context.fillStyle = style.getPropertyValue("--muted");
    context.font = `11px ${style.fontFamily}`;
    context.lineWidth = 1;
    for (const share of [0, 0.5, 1]) {
      const y = Math.round(area.bottom - share * (area.bottom - area.top)) + 0.5;
      context.beginPath();
      context.moveTo(area.left, y);
      context.lineTo(area.right, y);
      context.stroke();
      if (share > 0) context.fillText(this.#format(top * share), area.left, y - 3);
    }
  }

  #line(context, style, area, top, { value, color }) {
    const newest = this.#samples.at(-1)?.at ?? 0;
    context.strokeStyle = style.getPropertyValue(color);
    context.lineWidth = 1.75;
    context.lineJoin = "round";
    context.beginPath();
    let drawing = false;
    for (const sample of this.#samples) {
      const y = value(sample);
      if (y === null) {
        drawing = false;
        continue;
      }
      const x = area.right - ((newest - sample.at) / SPAN_MS) * (area.right - area.left);
      const point = [x, area.bottom - (y / top) * (area.bottom - area.top)];
      if (drawing) context.lineTo(...point);
      else context.moveTo(...point);
      drawing = true;
    }
    context.stroke();
  }
}

/** The next of 1, 2, 5, 10, 20, 50, ... */
function niceCeiling(value) {
  const power = 10 ** Math.floor(Math.log10(value));
  return [1, 2, 5, 10].find((step) => step * power >= value) * power;
}
