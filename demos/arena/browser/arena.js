// A player's side of the arena: what client.py is in Python. It knows the network, and nothing of the screen.

import { Client, Float, entries } from "./gdpeers.js";
import { Prediction, ServerClock, Smoothing, SnapshotBuffer } from "./game.js";
import { bitsOf, ground, isFree, step } from "./ground.js";

// What world.py replicates, in its order: names are not on the wire.
const MATCH = {
  phase: "on_change", round: "on_change", ends_at: "on_change",
  last_winner: "on_change", last_scores: "on_change",
};
const PLAYER = {
  tick: "always", position: "always", aim: "always", health: "always", lives: "always", applied: "always",
  nick: "on_change", score: "on_change", is_ready: "on_change", away: "on_change",
};
const SHOT = { shooter: "never", origin: "never", velocity: "never", fired_at: "never" };

const SENT_AGAIN = 3; // how many of the last inputs a packet carries
const AHEAD = 1000; // of the numbers that a page before this one may have used

export class Arena {
  clock = new ServerClock();
  prediction = null;
  onHit = () => {};
  onChange = () => {}; // of the connection
  #others = new Map(); // by number of the node
  #smoothing = new Smoothing(4);
  #inputs = 0;

  /** `seat` has the token of a page before this one, and keeps ours for the next. */
  constructor(url, nick, seat) {
    this.nick = nick;
    // There is something to hear at each tick: after two seconds without, the connection is lost.
    const client = this.client = new Client(url, { seat: seat.token, silence: 2 });
    this.remote = client.add("Arena", {
      welcome: (from, name) => { this.nick = name; },
      tell_time: (from, sent, server) => this.#timeTold(sent, server),
      hit: (from, shooter, victim, fatal, at) => this.onHit(at, fatal, victim),
      round_over: () => {},
    }, ["introduce", "set_ready", "steer", "ask_time"]);
    this.match = client.synchronizer("Arena/MultiplayerSynchronizer", MATCH).state;
    client.spawner("Arena/PlayerSpawner", { player: PLAYER });
    client.spawner("Arena/ShotSpawner", { shot: SHOT });
    client.on("connected", () => this.#introduce());
    client.on("spawned", (node) => node.scene === "player" && this.#moved(node));
    client.on("changed", (node, names) => names.includes("position") && this.#moved(node));
    client.on("despawned", (node) => this.#others.delete(node.number));
    client.on("closed", (code, reason) => {
      seat.token = null;
      this.end = reason || `the connection has ended (${code})`;
    });
    for (const event of ["connected", "resumed"]) client.on(event, () => { seat.token = client.seat; });
    for (const event of ["connected", "suspended", "resumed", "closed"]) client.on(event, () => this.onChange());
  }

  get id() { return this.client.id; }
  get isSuspended() { return this.client.isSuspended; }
  get players() { return this.client.nodes.filter((node) => node.scene === "player"); }

  #introduce() {
    this.remote.rpcId(1, "introduce", this.nick);
    this.remote.rpcId(1, "set_ready", true);
  }

  rename(nick) {
    this.nick = nick;
    if (this.client.isConnected) this.remote.rpcId(1, "introduce", nick);
  }

  /** Do something for a tick: at once here, and soon on the server. */
  tick(input) {
    if (!this.prediction || !this.client.isConnected || this.isSuspended) return;
    this.prediction.apply(input);
    const last = this.prediction.pending(SENT_AGAIN).map(([number, each]) => [number, bitsOf(each), new Float(each.aim)]);
    this.#say("steer", [last]);
    if (this.#inputs++ % (ground.tickHz / 2) === 0) this.#say("ask_time", [new Float(seconds())]);
  }

  #say(method, values) {
    this.client.call(this.remote, method, values, { to: 1, unreliable: true });
  }

  #timeTold(sent, server) {
    const { jumps } = this.clock;
    this.clock.sample(sent, server, seconds());
    // They have been shown at times that are yet to come now.
    if (this.clock.jumps !== jumps) this.#others.clear();
  }

  #moved(node) {
    const { tick, position, lives, applied, health } = node.state;
    const { x, y } = position;
    if (Number(node.name) === this.id) {
      this.#reconcile(applied, { x, y, alive: health > 0 });
      return;
    }
    const other = this.#others.get(node.number) ?? { buffer: new SnapshotBuffer(), lives };
    this.#others.set(node.number, other);
    const now = this.clock.time(seconds());
    other.buffer.push(tick / ground.tickHz, { x, y }, now, other.lives !== lives);
    other.lives = lives;
  }

  #reconcile(applied, body) {
    this.prediction ??= new Prediction(step, body, applied && applied + AHEAD);
    const before = this.prediction.state;
    if (this.prediction.reconcile(applied, body)) {
      this.#smoothing.corrected(before, this.prediction.state, seconds());
    }
  }

  // ---- What is drawn

  /** All players as they are to be drawn now, the best first. */
  figures() {
    const now = seconds();
    const server = this.clock.time(now);
    const figures = this.players.map((node) => {
      const { position, aim, health, nick, score, away } = node.state;
      const id = Number(node.name);
      const isOwn = id === this.id;
      let at = position;
      if (isOwn && this.prediction) at = this.#smoothing.shown(this.prediction.state, now);
      else if (!isOwn) at = this.#others.get(node.number)?.buffer.at(server) ?? position;
      return { id, nick, x: at.x, y: at.y, aim, health, score, away, isOwn };
    });
    return figures.sort((one, other) => other.score - one.score || one.id - other.id);
  }

  /** Where shots are now: that follows from how each began. */
  shots() {
    const tick = this.clock.time(seconds()) * ground.tickHz;
    return this.client.nodes.filter((node) => node.scene === "shot").map(({ state }) => {
      const passed = Math.max(tick - state.fired_at, 0) / ground.tickHz;
      return { x: state.origin.x + state.velocity.x * passed, y: state.origin.y + state.velocity.y * passed };
    }).filter(({ x, y }) => isFree(x, y, 0));
  }

  headline() {
    const { phase, round, ends_at, last_winner, last_scores } = this.match;
    if (!phase) return "joining …";
    if (phase === "waiting") return "waiting for players who are ready";
    if (phase === "playing") {
      const left = Math.max(ends_at / ground.tickHz - this.clock.time(seconds()), 0);
      return `round ${round}, ${Math.ceil(left)} s left`;
    }
    const winner = this.players.find((node) => Number(node.name) === last_winner)?.state.nick;
    const best = Math.max(0, ...entries(last_scores ?? {}).map(([, score]) => score));
    return `round ${round} is over: ${winner ? `${winner} has won with ${best}` : "nobody has won"}`;
  }
}

export const seconds = () => performance.now() / 1000;
