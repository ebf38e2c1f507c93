// Which player a tab is, so that one that is loaded again, or closed and opened again, is the same player.
//
// The token of a seat waits in localStorage, which outlives the tab. Two tabs must not have the same, or each
// would take the player from the other for ever: a tab holds the lock of its place as long as it is open, and a
// new one takes the first place whose lock is free. Browsers have locks only for https:// and for this machine;
// elsewhere sessionStorage has the token, which outlives a reload, but not the tab.

const PLACES = 8;
const PATIENCE = 1000; // milliseconds: a page that is loaded again may come before its lock is free

export class Seat {
  #storage;
  #key;

  constructor(storage, key) {
    this.#storage = storage;
    this.#key = key;
  }

  get token() {
    return this.#storage.getItem(this.#key);
  }

  set token(token) {
    if (token) this.#storage.setItem(this.#key, token);
    else this.#storage.removeItem(this.#key);
  }

  /** The player's name, which a new page would not know. */
  get nick() {
    return this.#storage.getItem(`${this.#key} nick`);
  }

  set nick(nick) {
    this.#storage.setItem(`${this.#key} nick`, nick);
  }

  /** Take a place that no other tab has. */
  static async take(game) {
    const last = sessionStorage.getItem(`${game} place`);
    if (navigator.locks) {
      if (last && await locked(last, { signal: AbortSignal.timeout(PATIENCE) })) return new Seat(localStorage, last);
      for (let place = 0; place < PLACES; place++) {
        const key = `${game} seat ${place}`;
        if (!await locked(key, { ifAvailable: true })) continue;
        sessionStorage.setItem(`${game} place`, key);
        return new Seat(localStorage, key);
      }
    }
    return new Seat(sessionStorage, `${game} seat`);
  }
}

/** Whether this page has the lock from now on, until it is gone. */
const locked = (name, options) => new Promise((resolve) => {
  navigator.locks.request(name, options, (lock) => {
    resolve(lock !== null);
    return lock && new Promise(() => {});
  }).catch(() => resolve(false));
});
