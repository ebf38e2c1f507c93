// What the arena looks like.

import { ground } from "./ground.js";

const SPARK = 0.35; // for how long a hit is seen, in seconds

/** The same as in the window. */
const colourOf = ({ id }) => `hsl(${(id * 137.508) % 360} 88% 66%)`;

export class View {
  #sparks = []; // { x, y, fatal, since }

  constructor(canvas) {
    this.canvas = canvas;
    this.pen = canvas.getContext("2d");
  }

  /** Pixels of the page to a length of the arena. */
  get #scale() {
    return this.canvas.clientWidth / ground.width;
  }

  toGround({ x, y }) {
    return { x: x / this.#scale, y: y / this.#scale };
  }

  spark({ x, y }, fatal, since) {
    this.#sparks.push({ x, y, fatal, since });
  }

  draw(figures, shots, now) {
    const { canvas, pen } = this;
    const ratio = window.devicePixelRatio;
    const [width, height] = [canvas.clientWidth * ratio, canvas.clientHeight * ratio].map(Math.round);
    if (canvas.width !== width || canvas.height !== height) Object.assign(canvas, { width, height });
    pen.setTransform(1, 0, 0, 1, 0, 0);
    pen.clearRect(0, 0, width, height);
    pen.scale(this.#scale * ratio, this.#scale * ratio);
    pen.fillStyle = "#4a5064";
    for (const [left, top, right, bottom] of ground.walls) pen.fillRect(left, top, right - left, bottom - top);
    for (const figure of figures.toReversed()) this.#figure(figure);
    pen.fillStyle = "#fff";
    for (const { x, y } of shots) this.#disc(x, y, 0.2);
    this.#sparks = this.#sparks.filter(({ since }) => now - since < SPARK);
    for (const { x, y, fatal, since } of this.#sparks) {
      const part = (now - since) / SPARK;
      pen.strokeStyle = fatal ? "#ff6b6b" : "#ffe08a";
      pen.globalAlpha = 1 - part;
      pen.lineWidth = 0.2;
      pen.beginPath();
      pen.arc(x, y, (fatal ? 2.5 : 1.2) * part + 0.5, 0, 2 * Math.PI);
      pen.stroke();
    }
    pen.globalAlpha = 1;
  }

  #disc(x, y, radius) {
    this.pen.beginPath();
    this.pen.arc(x, y, radius, 0, 2 * Math.PI);
    this.pen.fill();
  }

  #figure(figure) {
    const { pen } = this;
    const { x, y, aim, health, nick, away, isOwn } = figure;
    const { radius, fullHealth } = ground;
    pen.globalAlpha = away || health <= 0 ? 0.35 : 1;
    pen.fillStyle = pen.strokeStyle = colourOf(figure);
    this.#disc(x, y, radius);
    if (health > 0) {
      pen.lineWidth = 0.35;
      pen.beginPath();
      pen.moveTo(x + Math.cos(aim) * radius, y + Math.sin(aim) * radius);
      pen.lineTo(x + Math.cos(aim) * 1.5, y + Math.sin(aim) * 1.5);
      pen.stroke();
      pen.lineWidth = 0.15;
      pen.strokeStyle = isOwn ? "#fff" : "#0008";
      pen.beginPath();
      pen.arc(x, y, radius + 0.15, -Math.PI / 2, -Math.PI / 2 + (2 * Math.PI * health) / fullHealth);
      pen.stroke();
    }
    pen.fillStyle = isOwn ? "#fff" : "#bbc";
    pen.font = "1px system-ui, sans-serif";
    pen.textAlign = "center";
    pen.fillText(nick, x, y - 1.4);
    pen.globalAlpha = 1;
  }

  /** Fill a table; names are strangers' words, and go in as text. */
  scores(body, figures) {
    body.replaceChildren(...figures.map((figure) => {
      const row = document.createElement("tr");
      row.className = `${figure.isOwn ? "own" : ""} ${figure.away ? "away" : ""}`;
      const [name, score] = [row.insertCell(), row.insertCell()];
      name.textContent = figure.away ? `${figure.nick} (away)` : figure.nick;
      name.style.color = colourOf(figure);
      score.textContent = figure.score;
      return row;
    }));
  }
}
