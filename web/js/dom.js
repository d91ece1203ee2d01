// Building elements without innerHTML: what peers send is text, and stays text.

export const byId = (id) => document.getElementById(id);

/** An element with properties (`dataset` and attributes as `aria-…` too) and children. */
export function element(tag, properties = {}, ...children) {
  const node = document.createElement(tag);
  for (const [name, value] of Object.entries(properties)) {
    if (name === "dataset") Object.assign(node.dataset, value);
    else if (name.includes("-")) node.setAttribute(name, value);
    else node[name] = value;
  }
  node.append(...children.filter((child) => child !== null && child !== undefined));
  return node;
}

/** Set text only where it changed, so that screen readers hear what is new. */
export function setText(node, text) {
  if (node.textContent !== text) node.textContent = text;
}

/** Keep a scrolled container at its end while `content` grows, unless the reader has scrolled up. */
export function stickToEnd(container, content) {
  let atEnd = true;
  container.addEventListener("scroll", () => {
    atEnd = container.scrollHeight - container.scrollTop - container.clientHeight < 40;
  });
  const observer = new ResizeObserver(() => {
    if (atEnd) container.scrollTop = container.scrollHeight;
  });
  observer.observe(container);
  observer.observe(content);
}

/** Run `draw` at most once a frame. */
export function oncePerFrame(draw) {
  let waiting = false;
  return () => {
    if (waiting) return;
    waiting = true;
    const run = () => {
      if (!waiting) return;
      waiting = false;
      draw();
    };
    requestAnimationFrame(run);
    // Hidden pages get no frames, and their state must be right when they are looked at.
    setTimeout(run, 250);
  };
}
