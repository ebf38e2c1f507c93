// The page: joins, lets time pass, and shows what there is.
//
// In its own URL, `?nick=Ann` names the player, and `?code=ABCD` the room; otherwise it takes one with a free place.

import { Arena, seconds } from "./arena.js";
import { Controls } from "./controls.js";
import { Ticks } from "./game.js";
import { ground } from "./ground.js";
import { Seat } from "./seats.js";
import { View } from "./view.js";

const find = (id) => document.getElementById(id);
const query = new URLSearchParams(location.search);
const code = query.get("code") ?? "any";
const seat = await Seat.take(`arena ${code}`);
const view = new View(find("ground"));
const controls = new Controls(find("ground"));
const ticks = new Ticks(ground.tickHz);
let arena;

function join() {
  const name = seat.nick ?? query.get("nick") ?? `Guest ${Math.floor(Math.random() * 1000)}`;
  find("nick").value = seat.nick = name;
  arena = globalThis.arena = new Arena(`arena/${encodeURIComponent(code)}`, name, seat);
  arena.onHit = (at, fatal) => view.spark(at, fatal, seconds());
  arena.onChange = show;
  show();
}

function show() {
  const notice = find("notice");
  const text = arena.end ?? (arena.isSuspended ? "The connection is lost. Coming back …" : "");
  notice.querySelector("p").textContent = text;
  notice.querySelector("button").hidden = !arena.end;
  if (text && !notice.open) notice.show();
  else if (!text) notice.close();
}

find("notice").querySelector("button").onclick = join;
find("nick").onchange = ({ target }) => {
  seat.nick = target.value;
  arena.rename(target.value);
  target.blur();
};

let aim = 0;
function frame() {
  const figures = arena.figures();
  const own = figures.find((figure) => figure.isOwn);
  if (own && controls.mouse) {
    const at = view.toGround(controls.mouse);
    aim = Math.atan2(at.y - own.y, at.x - own.x);
  }
  if (own) own.aim = aim;
  for (let due = ticks.due(seconds()); due > 0; due--) arena.tick(controls.input(aim));
  view.draw(figures, arena.shots(), seconds());
  requestAnimationFrame(frame);
}

function tell() {
  const { roundTrip, jitter } = arena.clock;
  find("headline").textContent = arena.headline();
  find("network").textContent =
    `round trip ${(1000 * roundTrip).toFixed(0)} ms, jitter ${(1000 * jitter).toFixed(0)} ms, ` +
    `${arena.prediction?.corrections ?? 0} corrections`;
  view.scores(find("scores"), arena.figures());
}

join();
frame();
setInterval(tell, 200);
