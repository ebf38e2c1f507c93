// Keys, mouse and fingers, as what they mean.

const KEYS = {
  KeyA: "left", ArrowLeft: "left", KeyD: "right", ArrowRight: "right",
  KeyW: "up", ArrowUp: "up", KeyS: "down", ArrowDown: "down", Space: "fire",
};
const DEAD = 10; // so many pixels a finger moves before the player does

export class Controls {
  #held = new Set(); // codes of keys, and "pointer"
  #stick = null; // the finger that walks: { id, x, y } where it came down, and how far it is { right, down }
  #aims = null; // the id of the pointer that aims
  mouse = null; // where that is, in pixels of the canvas

  constructor(canvas) {
    this.canvas = canvas;
    addEventListener("keydown", (event) => {
      if (!(event.code in KEYS) || event.target instanceof HTMLInputElement) return;
      if (event.ctrlKey || event.metaKey || event.altKey) return;
      event.preventDefault(); // the page would scroll
      this.#held.add(event.code);
    });
    addEventListener("keyup", (event) => this.#held.delete(event.code));
    addEventListener("blur", () => { // what is let go elsewhere is not heard of
      this.#held.clear();
      this.#stick = null;
    });
    canvas.addEventListener("pointerdown", (event) => this.#down(event));
    addEventListener("pointermove", (event) => this.#move(event));
    addEventListener("pointerup", (event) => this.#up(event));
    addEventListener("pointercancel", (event) => this.#up(event));
  }

  #place({ clientX, clientY }) {
    const { left, top } = this.canvas.getBoundingClientRect();
    return { x: clientX - left, y: clientY - top };
  }

  /** A finger on the left half walks; one on the right half, or the mouse, aims and shoots. */
  #down(event) {
    const at = this.#place(event);
    if (event.pointerType === "touch" && at.x < this.canvas.clientWidth / 2) {
      this.#stick ??= { id: event.pointerId, ...at, right: 0, down: 0 };
      return;
    }
    this.#aims = event.pointerId;
    this.mouse = at;
    this.#held.add("pointer");
  }

  #move(event) {
    const at = this.#place(event);
    const stick = this.#stick;
    if (event.pointerId === stick?.id) {
      const [x, y] = [at.x - stick.x, at.y - stick.y];
      // Eight directions: the lesser part counts from half of the other one on.
      stick.right = Math.abs(x) < Math.max(DEAD, Math.abs(y) / 2) ? 0 : Math.sign(x);
      stick.down = Math.abs(y) < Math.max(DEAD, Math.abs(x) / 2) ? 0 : Math.sign(y);
    } else if (event.pointerType === "mouse" || event.pointerId === this.#aims) this.mouse = at;
  }

  #up({ pointerId }) {
    if (pointerId === this.#stick?.id) this.#stick = null;
    if (pointerId === this.#aims) this.#held.delete("pointer");
  }

  #has(meaning) {
    return [...this.#held].some((code) => KEYS[code] === meaning);
  }

  /** What to do in a tick; `aim` is where the mouse is from the player. */
  input(aim) {
    return {
      right: Math.sign(this.#has("right") - this.#has("left") + (this.#stick?.right ?? 0)),
      down: Math.sign(this.#has("down") - this.#has("up") + (this.#stick?.down ?? 0)),
      aim,
      fire: this.#has("fire") || this.#held.has("pointer"),
    };
  }
}
