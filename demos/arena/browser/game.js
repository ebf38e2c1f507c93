// What a game needs above packets, as small as it can be. These are ports of `multiplayer.game`, where
// docs/game says what each is for, and when to do without. Times are in seconds.

/** What time it is on the server (docs/game/clock.md). */
export class ServerClock {
  #answers = [];
  #offset = null; // what `time` adds
  #looked = null;
  #last = -Infinity;
  jitter = 0;
  jumps = 0; // how often it was set at once, maybe back

  /** Take an answer: when the question left, what time it was there, when the answer came. */
  sample(sent, server, received) {
    const answer = { roundTrip: received - sent, offset: server - (sent + received) / 2 };
    if (!(answer.roundTrip >= 0 && Number.isFinite(answer.roundTrip) && Number.isFinite(answer.offset))) return;
    const best = this.#best;
    if (best) {
      this.jitter += (Math.abs(answer.roundTrip - this.#answers.at(-1).roundTrip) - this.jitter) / 16;
      // By so much both can be right about the same clock; otherwise the server has begun anew.
      const doubt = (answer.roundTrip + best.roundTrip) / 2;
      if (Math.abs(answer.offset - best.offset) - doubt >= 1) {
        this.#answers = [];
        this.#setAnew(answer.offset);
      }
    }
    this.#answers = [...this.#answers, answer].slice(-16);
    this.#offset ??= answer.offset;
    const { offset, roundTrip } = this.#best;
    // To get there by running slower or faster would take too long.
    if (Math.abs(offset - this.#offset) - roundTrip / 2 >= 1) this.#setAnew(offset);
  }

  #setAnew(offset) {
    this.#offset = offset;
    this.#last = -Infinity;
    this.jumps++;
  }

  /** The answer that has waited least on its way. */
  get #best() {
    return this.#answers.reduce((one, other) => (one && one.roundTrip <= other.roundTrip ? one : other), null);
  }

  get roundTrip() {
    return this.#best?.roundTrip ?? 0;
  }

  /** The server's time. It runs 5 % faster or slower until it is right, and never goes back. */
  time(now) {
    if (this.#offset === null) return now;
    const most = Math.max(now - (this.#looked ?? now), 0) * 0.05;
    this.#looked = Math.max(now, this.#looked ?? now);
    this.#offset += clamp(this.#best.offset - this.#offset, -most, most);
    this.#last = Math.max(this.#last, now + this.#offset);
    return this.#last;
  }
}

/** Where somebody was a moment ago, between the places that have come (docs/game/interpolation.md). */
export class SnapshotBuffer {
  #snapshots = []; // { time, value, cut }
  #lateness = [];
  #intervals = [];
  #wanted = 0;
  #looked = null;
  #played = -Infinity;
  delay = 0;

  /** Take a place and its time, both the server's; `cut` if it has jumped there. */
  push(time, value, now, cut = false) {
    const snapshots = this.#snapshots;
    const place = snapshots.findLastIndex((each) => each.time <= time) + 1;
    if (place && snapshots[place - 1].time === time) {
      snapshots[place - 1] = { time, value, cut };
      return;
    }
    if (place && place === snapshots.length) this.#intervals = newest(this.#intervals, time - snapshots.at(-1).time);
    this.#lateness = newest(this.#lateness, now - time);
    // As late as they come, but for the worst twentieth, and one interval: then there is a next one.
    const usual = sorted(this.#lateness)[Math.ceil(0.95 * this.#lateness.length) - 1];
    this.#wanted = clamp(usual + (sorted(this.#intervals)[this.#intervals.length >> 1] ?? 0), 0, 1);
    if (this.#lateness.length <= 4) this.delay = Math.max(this.delay, this.#wanted);
    snapshots.splice(place, 0, { time, value, cut });
    this.#forget();
  }

  /** The place to show; null before the first. */
  at(now) {
    const most = Math.max(now - (this.#looked ?? now), 0) * 0.1;
    this.delay += clamp(this.#wanted - this.delay, -most, most);
    this.#looked = Math.max(now, this.#looked ?? now);
    if (!this.#snapshots.length) return null;
    this.#played = Math.max(this.#played, now - this.delay, this.#snapshots[0].time);
    this.#forget();
    const [before, after] = this.#snapshots;
    if (!after || after.cut || this.#played <= before.time) return before.value;
    const weight = (this.#played - before.time) / (after.time - before.time);
    const between = (one, other) => one + (other - one) * weight;
    return { x: between(before.value.x, after.value.x), y: between(before.value.y, after.value.y) };
  }

  /** Forget all but one of those before the time that is played. */
  #forget() {
    const last = this.#snapshots.findLastIndex((each) => each.time <= this.#played);
    if (last > 0) this.#snapshots.splice(0, last);
  }
}

/** One's own inputs, at once; mended by what the server says (docs/game/prediction.md). */
export class Prediction {
  #step;
  #pending = []; // [number, input]
  #answered = 0;
  #last;
  corrections = 0;

  /** `step(state, input)` is the server's rule; inputs have the numbers after `last`. */
  constructor(step, state, last = 0) {
    this.#step = step;
    this.state = state;
    this.#last = last;
  }

  apply(input) {
    this.state = this.#step(this.state, input);
    this.#pending.push([++this.#last, input]);
    this.#pending = this.#pending.slice(-256);
  }

  /** The newest inputs that the server has not answered. */
  pending(most) {
    return this.#pending.slice(-most);
  }

  /** Take the server's state after the input of that number; true if it is not what was predicted. */
  reconcile(number, state) {
    if (number < this.#answered) return false;
    this.#answered = number;
    this.#pending = this.#pending.filter(([each]) => each > number);
    const made = this.#pending.reduce((so, [, input]) => this.#step(so, input), state);
    const { x, y, alive } = this.state;
    this.state = made;
    const isWrong = made.x !== x || made.y !== y || made.alive !== alive;
    this.corrections += isWrong;
    return isWrong;
  }
}

/** A correction that is not seen as a jump: the difference dies away. */
export class Smoothing {
  #error = { x: 0, y: 0 };
  #since = 0;

  /** A difference above `most` is shown at once. */
  constructor(most, halfLife = 0.05) {
    this.most = most;
    this.halfLife = halfLife;
  }

  corrected(before, after, now) {
    const shown = this.shown(before, now);
    const error = { x: shown.x - after.x, y: shown.y - after.y };
    this.#error = Math.hypot(error.x, error.y) > this.most ? { x: 0, y: 0 } : error;
    this.#since = now;
  }

  shown({ x, y }, now) {
    const left = 0.5 ** (Math.max(now - this.#since, 0) / this.halfLife);
    return { x: x + this.#error.x * left, y: y + this.#error.y * left };
  }
}

/** How many ticks of a fixed length are due (docs/game/ticks.md). */
export class Ticks {
  #next = null;
  constructor(hz) {
    this.hz = hz;
  }
  /** After a pause, as of a tab in the background, what cannot be made up for is left out. */
  due(now) {
    this.#next ??= now;
    if (now - this.#next > 0.25) this.#next = now;
    let count = 0;
    for (; this.#next <= now; this.#next += 1 / this.hz) count += 1;
    return count;
  }
}

const clamp = (x, least, most) => Math.min(Math.max(x, least), most);
const newest = (list, one) => [...list, one].slice(-64);
const sorted = (list) => list.toSorted((one, other) => one - other);
