// The smallest event emitter that serves: synchronous, in order of registration.

export class Emitter {
  #listeners = new Map();

  /** Call `listener` with the payload of every event of this name; returns a function that ends it. */
  on(name, listener) {
    const listeners = this.#listeners.get(name) ?? new Set();
    this.#listeners.set(name, listeners.add(listener));
    return () => listeners.delete(listener);
  }

  emit(name, payload) {
    for (const listener of [...(this.#listeners.get(name) ?? [])]) listener(payload);
  }
}
