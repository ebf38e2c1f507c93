// Keys and mouse, as what they mean.

const KEYS = {
  KeyA: "left", ArrowLeft: "left", KeyD: "right", ArrowRight: "right",
  KeyW: "up", ArrowUp: "up", KeyS: "down", ArrowDown: "down", Space: "fire",
};

export class Controls {
  #held = new Set(); // codes of keys, and "mouse"
  mouse = null; // where it is, in pixels of the canvas

  constructor(canvas) {
    addEventListener("keydown", (event) => {
      if (!(event.code in KEYS) || event.target instanceof HTMLInputElement) return;
      if (event.ctrlKey || event.metaKey || event.altKey) return;
      event.preventDefault(); // the page would scroll
      this.#held.add(event.code);
    });
    addEventListener("keyup", (event) => this.#held.delete(event.code));
    addEventListener("blur", () => this.#held.clear()); // what is let go elsewhere is not heard of
    addEventListener("pointermove", ({ clientX, clientY }) => {
      const { left, top } = canvas.getBoundingClientRect();
      this.mouse = { x: clientX - left, y: clientY - top };
    });
    canvas.addEventListener("pointerdown", () => { this.#held.add("mouse"); });
    addEventListener("pointerup", () => this.#held.delete("mouse"));
  }

  #has(meaning) {
    return [...this.#held].some((code) => KEYS[code] === meaning);
  }

  /** What to do in a tick; `aim` is where the mouse is from the player. */
  input(aim) {
    return {
      right: this.#has("right") - this.#has("left"),
      down: this.#has("down") - this.#has("up"),
      aim,
      fire: this.#has("fire") || this.#held.has("mouse"),
    };
  }
}
