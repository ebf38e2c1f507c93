// How a player moves, as in movement.py and ground.py. The map and the numbers come from the server.

export const ground = await (await fetch("arena.json")).json();

/** Whether a disc has room there. */
export function isFree(x, y, radius) {
  const { width, height, walls } = ground;
  if (!(radius <= x && x <= width - radius && radius <= y && y <= height - radius)) return false;
  return !walls.some(([left, top, right, bottom]) => {
    if (x + radius < left || x - radius > right) return false;
    const across = x - Math.min(Math.max(x, left), right);
    const down = y - Math.min(Math.max(y, top), bottom);
    return across * across + down * down <= radius * radius;
  });
}

/** What becomes of a body in one tick. It must be the server's rule, or one is corrected all the time. */
export function step(body, { right, down }) {
  if (!body.alive || !(right || down)) return body;
  const { speed, tickHz, grain, radius } = ground;
  const length = Math.round((speed * (1 / tickHz)) / Math.hypot(right, down) * grain) / grain;
  let { x, y } = body;
  if (isFree(x + right * length, y, radius)) x += right * length;
  if (isFree(x, y + down * length, radius)) y += down * length;
  return { x, y, alive: true };
}

/** An input as it travels: four directions and the trigger as bits, and where it aims. */
export const bitsOf = ({ right, down, fire }) =>
  (right < 0) | ((right > 0) << 1) | ((down < 0) << 2) | ((down > 0) << 3) | (fire << 4);
