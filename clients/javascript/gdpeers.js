// A client of gdpeers for browsers: the NATIVE dialect over the gd_mp envelope, without dependencies.
//
// Written from docs/protocol/gdpeers.md (the envelope), docs/protocol/native.md (the packets),
// docs/values.md (the values) and docs/protocol/resume.md (coming back). README.md says how to use
// it; gdpeers.d.ts has the types.

// ---- Values ---------------------------------------------------------------------------------

const MAX_DEPTH = 64;
const UTF8 = new TextEncoder();
const FROM_UTF8 = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true });

/** Bytes that are no value, or no packet. */
export class DecodeError extends Error {
  name = "DecodeError";
}

const F32 = { size: 4, initial: () => 0, read: (v, at) => v.getFloat32(at, true), write: (v, at, x) => v.setFloat32(at, x, true) };
const I32 = { size: 4, initial: () => 0, read: (v, at) => v.getInt32(at, true), write: (v, at, x) => v.setInt32(at, x, true) };

const STRUCTS = new Map(); // by number of the type: Godot's types of a fixed size

/** Make the class of such a type, of named fields one after the other. */
function struct(type, name, fields) {
  const size = fields.reduce((sum, [, of]) => sum + of.size, 0);
  const made = {
    [name]: class {
      constructor(...values) {
        fields.forEach(([field, of, initial], place) => {
          this[field] = values[place] ?? (initial ?? of.initial)();
        });
      }
    },
  }[name];
  Object.assign(made, {
    type,
    size,
    initial: () => new made(),
    read(view, at) {
      const values = fields.map(([, of]) => [of.read(view, at), (at += of.size)][0]);
      return new made(...values);
    },
    write(view, at, value) {
      for (const [field, of] of fields) {
        of.write(view, at, value[field]);
        at += of.size;
      }
    },
  });
  STRUCTS.set(type, made);
  return made;
}

const each = (names, of) => names.map((name) => [name, of]);
export const Vector2 = struct(5, "Vector2", each(["x", "y"], F32));
export const Vector2i = struct(6, "Vector2i", each(["x", "y"], I32));
export const Rect2 = struct(7, "Rect2", each(["position", "size"], Vector2));
export const Rect2i = struct(8, "Rect2i", each(["position", "size"], Vector2i));
export const Vector3 = struct(9, "Vector3", each(["x", "y", "z"], F32));
export const Vector3i = struct(10, "Vector3i", each(["x", "y", "z"], I32));
export const Transform2D = struct(11, "Transform2D", [
  ["x", Vector2, () => new Vector2(1, 0)],
  ["y", Vector2, () => new Vector2(0, 1)],
  ["origin", Vector2],
]);
export const Vector4 = struct(12, "Vector4", each(["x", "y", "z", "w"], F32));
export const Vector4i = struct(13, "Vector4i", each(["x", "y", "z", "w"], I32));
export const Plane = struct(14, "Plane", [["normal", Vector3], ["d", F32]]);
export const Quaternion = struct(15, "Quaternion", [...each(["x", "y", "z"], F32), ["w", F32, () => 1]]);
export const AABB = struct(16, "AABB", each(["position", "size"], Vector3));
/** Its fields are the axes, as in Godot; the wire has the rows. */
export const Basis = struct(17, "Basis", ["x", "y", "z"].map((axis) => [
  axis, Vector3, () => new Vector3(+(axis === "x"), +(axis === "y"), +(axis === "z")),
]));
const transposed = ({ x, y, z }) => new Basis(...["x", "y", "z"].map((row) => new Vector3(x[row], y[row], z[row])));
const { read: readRows, write: writeRows } = Basis;
Basis.read = (view, at) => transposed(readRows(view, at));
Basis.write = (view, at, value) => writeRows(view, at, transposed(value));
export const Transform3D = struct(18, "Transform3D", [["basis", Basis], ["origin", Vector3]]);
export const Projection = struct(19, "Projection", ["x", "y", "z", "w"].map((column, place) => [
  column, Vector4, () => new Vector4(...[0, 1, 2, 3].map((row) => +(row === place))),
]));
export const Color = struct(20, "Color", [...each(["r", "g", "b"], F32), ["a", F32, () => 1]]);

/** A number that is sent as a float though it is whole. */
export class Float {
  constructor(value) {
    this.value = value;
  }
}

/** A text that is sent as a StringName; received ones are plain strings. */
export class StringName {
  constructor(text) {
    this.text = text;
  }
}

export class NodePath {
  constructor(text) {
    this.text = text;
  }
}

/** An extension that this client passes on as it came. */
export class Extension {
  constructor(type, data) {
    this.type = type;
    this.data = data;
  }
}

export class PackedStringArray extends Array {}
export class PackedVector2Array extends Array {}
export class PackedVector3Array extends Array {}
export class PackedColorArray extends Array {}
export class PackedVector4Array extends Array {}

const PACKED = new Map([[35, [PackedVector2Array, Vector2]], [36, [PackedVector3Array, Vector3]],
  [37, [PackedColorArray, Color]], [38, [PackedVector4Array, Vector4]]]);
const NUMERIC = new Map([[30, Int32Array], [31, BigInt64Array], [32, Float32Array], [33, Float64Array]]);
const OPAQUE = new Set([23, 24, 25, 26]);
const SIZES = new Map([[23, 8], [24, 8], [25, 0]]); // of what stands for things in the engine

/** Reads values, and the numbers of packets, from bytes. */
class Reader {
  constructor(bytes) {
    this.bytes = bytes;
    this.view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
    this.at = 0;
  }
  get left() {
    return this.bytes.length - this.at;
  }
  skip(size) {
    if (size > this.left) throw new DecodeError("too short");
    this.at += size;
    return this.at - size;
  }
  take(size) {
    const at = this.skip(size);
    return this.bytes.subarray(at, at + size);
  }
  u8() { return this.view.getUint8(this.skip(1)); }
  u16() { return this.view.getUint16(this.skip(2), true); }
  u32() { return this.view.getUint32(this.skip(4), true); }
  i32() { return this.view.getInt32(this.skip(4), true); }
  u64() { return this.view.getBigUint64(this.skip(8), true); }
  text(size) {
    try {
      return FROM_UTF8.decode(this.take(size));
    } catch (error) {
      throw error instanceof DecodeError ? error : new DecodeError("not UTF-8");
    }
  }
  /** Godot's text: its length, its bytes, and zeros up to a multiple of four. */
  padded() {
    const size = this.u32();
    const text = this.text(size);
    this.skip(Math.min(this.left, -size & 3));
    return text;
  }
  end() {
    if (this.left) throw new DecodeError("bytes after the end");
  }

  value(depth = 0) {
    const first = this.u8();
    const { view } = this;
    if (first < 0x80) return first;
    if (first >= 0xe0) return first - 0x100;
    if (first < 0x90) return this.map(first & 15, depth);
    if (first < 0xa0) return this.array(first & 15, depth);
    if (first < 0xc0) return this.text(first & 31);
    switch (first) {
      case 0xc0: return null;
      case 0xc2: return false;
      case 0xc3: return true;
      case 0xc4: return this.take(this.u8()).slice();
      case 0xc5: return this.take(view.getUint16(this.skip(2))).slice();
      case 0xc6: return this.take(view.getUint32(this.skip(4))).slice();
      case 0xc7: return this.extension(this.u8(), depth);
      case 0xc8: return this.extension(view.getUint16(this.skip(2)), depth);
      case 0xc9: return this.extension(view.getUint32(this.skip(4)), depth);
      case 0xca: return view.getFloat32(this.skip(4));
      case 0xcb: return view.getFloat64(this.skip(8));
      case 0xcc: return this.u8();
      case 0xcd: return view.getUint16(this.skip(2));
      case 0xce: return view.getUint32(this.skip(4));
      case 0xcf: return number(view.getBigUint64(this.skip(8)));
      case 0xd0: return view.getInt8(this.skip(1));
      case 0xd1: return view.getInt16(this.skip(2));
      case 0xd2: return view.getInt32(this.skip(4));
      case 0xd3: return number(view.getBigInt64(this.skip(8)));
      case 0xd4: case 0xd5: case 0xd6: case 0xd7: case 0xd8:
        return this.extension(1 << (first - 0xd4), depth);
      case 0xd9: return this.text(this.u8());
      case 0xda: return this.text(view.getUint16(this.skip(2)));
      case 0xdb: return this.text(view.getUint32(this.skip(4)));
      case 0xdc: return this.array(view.getUint16(this.skip(2)), depth);
      case 0xdd: return this.array(view.getUint32(this.skip(4)), depth);
      case 0xde: return this.map(view.getUint16(this.skip(2)), depth);
      case 0xdf: return this.map(view.getUint32(this.skip(4)), depth);
    }
    throw new DecodeError("not msgpack");
  }
  array(count, depth) {
    if (depth >= MAX_DEPTH) throw new DecodeError("nested too deeply");
    if (count > this.left) throw new DecodeError("too short");
    return Array.from({ length: count }, () => this.value(depth + 1));
  }
  map(count, depth) {
    if (depth >= MAX_DEPTH) throw new DecodeError("nested too deeply");
    if (2 * count > this.left) throw new DecodeError("too short");
    const found = Array.from({ length: count }, () => [this.value(depth + 1), this.value(depth + 1)]);
    return dictionary(found);
  }
  extension(size, depth) {
    const type = this.view.getInt8(this.skip(1));
    const inside = new Reader(this.take(size));
    const value = inside.content(type, depth);
    inside.end();
    return value;
  }
  /** The content of an extension. */
  content(type, depth = 0) {
    const made = STRUCTS.get(type);
    if (made) return made.read(this.view, this.skip(made.size));
    if (NUMERIC.has(type)) {
      const Of = NUMERIC.get(type);
      return new Of(new Uint8Array(this.take(this.u32() * Of.BYTES_PER_ELEMENT)).buffer);
    }
    if (PACKED.has(type)) {
      const [Of, item] = PACKED.get(type);
      const count = this.u32();
      if (count * item.size > this.left) throw new DecodeError("too short");
      return Of.from({ length: count }, () => item.read(this.view, this.skip(item.size)));
    }
    if (type === 34) {
      const count = this.u32();
      if (count * 4 > this.left) throw new DecodeError("too short");
      return PackedStringArray.from({ length: count }, () => this.padded().replace(/\0.*$/s, ""));
    }
    if (type === 21) return this.padded();
    if (type === 22) {
      const [names, below, flags] = [this.u32() & 0x7fffffff, this.u32(), this.u32()];
      if ((names + below) * 4 > this.left) throw new DecodeError("too short");
      const [path, more] = [names, below].map((count) => Array.from({ length: count }, () => this.padded()));
      return new NodePath((flags & 1 ? "/" : "") + path.join("/") + more.map((one) => `:${one}`).join(""));
    }
    if (type === -1) return this.time();
    if (type === 27 || type === 28) return this.variant(depth); // typed; its four bytes are there
    if (OPAQUE.has(type)) return new Extension(type, this.take(this.left).slice());
    throw new DecodeError(`no extension type ${type}`);
  }
  /** A Variant of Godot 4, as typed containers have them. */
  variant(depth) {
    if (depth >= MAX_DEPTH) throw new DecodeError("nested too deeply");
    const head = this.u32();
    const [type, flags] = [head & 0xff, head >>> 16];
    if (type === 0) return null;
    if (type === 1) return this.u32() !== 0;
    if (type === 2) return flags & 1 ? number(this.view.getBigInt64(this.skip(8), true)) : this.i32();
    if (type === 3) {
      return flags & 1 ? this.view.getFloat64(this.skip(8), true) : this.view.getFloat32(this.skip(4), true);
    }
    if (type === 4) return this.padded();
    if (type === 27) {
      this.elementType(flags);
      this.elementType(flags >> 2);
      const count = this.u32() & 0x7fffffff;
      if (8 * count > this.left) throw new DecodeError("too short");
      const pair = () => [this.variant(depth + 1), this.variant(depth + 1)];
      return dictionary(Array.from({ length: count }, pair));
    }
    if (type === 28) {
      this.elementType(flags);
      const count = this.u32() & 0x7fffffff;
      if (4 * count > this.left) throw new DecodeError("too short");
      return Array.from({ length: count }, () => this.variant(depth + 1));
    }
    if (type === 29) {
      const size = this.u32();
      const bytes = this.take(size).slice();
      this.skip(Math.min(this.left, -size & 3));
      return bytes;
    }
    if (type === 24 && !(flags & 1)) throw new DecodeError("a whole object");
    if (type !== 24 && flags & 1) throw new DecodeError("of an engine with double precision");
    if (!OPAQUE.has(type)) return this.content(type, depth);
    const at = this.at;
    if (type === 26) this.padded();
    this.skip(SIZES.get(type) ?? 8);
    return new Extension(type, this.bytes.slice(at, this.at));
  }
  /** What a typed container says of its elements; it does not matter here. */
  elementType(flags) {
    if ((flags & 3) === 1) this.u32();
    else if (flags & 3) this.padded();
  }
  time() {
    if (this.left === 4) return this.view.getUint32(this.skip(4));
    if (this.left === 12) {
      const nanoseconds = this.view.getUint32(this.skip(4));
      return Number(this.view.getBigInt64(this.skip(8))) + nanoseconds / 1e9;
    }
    const both = this.view.getBigUint64(this.skip(8));
    return Number(both & 0x3ffffffffn) + Number(both >> 34n) / 1e9;
  }
}

const number = (big) => (Number.isSafeInteger(Number(big)) ? Number(big) : big);

/** A dictionary of pairs: a plain object if all keys are texts, otherwise a Map. */
function dictionary(pairs) {
  if (pairs.every(([key]) => typeof key === "string")) return Object.fromEntries(pairs);
  if (pairs.some(([key]) => isDictionary(key))) throw new DecodeError("a dictionary as a key");
  return new Map(pairs);
}

/** The pairs of a dictionary, whether it is a plain object or a Map. */
export const entries = (of) => (of instanceof Map ? [...of] : Object.entries(of));

function isDictionary(value) {
  if (value instanceof Map) return true;
  const prototype = value && typeof value === "object" ? Object.getPrototypeOf(value) : undefined;
  return prototype === Object.prototype || prototype === null;
}

/** Writes values, and the numbers of packets, into bytes. */
class Writer {
  bytes = new Uint8Array(64);
  view = new DataView(this.bytes.buffer);
  at = 0;
  room(size) {
    if (this.at + size > this.bytes.length) {
      const larger = new Uint8Array(Math.max(2 * this.bytes.length, this.at + size));
      larger.set(this.bytes);
      this.bytes = larger;
      this.view = new DataView(larger.buffer);
    }
    this.at += size;
    return this.at - size;
  }
  put(bytes) {
    const at = this.room(bytes.length);
    this.bytes.set(bytes, at);
    return this;
  }
  /** Write a number by a method of DataView; big-endian, as in msgpack, if not told otherwise. */
  set(size, method, x, little = false) {
    const at = this.room(size);
    this.view[method](at, x, little);
    return this;
  }
  u8(x) { return this.set(1, "setUint8", x); }
  u16(x) { return this.set(2, "setUint16", x, true); }
  u32(x) { return this.set(4, "setUint32", x, true); }
  i32(x) { return this.set(4, "setInt32", x, true); }
  padded(text) {
    const bytes = utf8(text);
    return this.u32(bytes.length).put(bytes).put(new Uint8Array(-bytes.length & 3));
  }
  done() {
    return this.bytes.slice(0, this.at);
  }

  value(value, depth = 0) {
    if (value === null || value === undefined) return this.u8(0xc0);
    switch (typeof value) {
      case "boolean": return this.u8(value ? 0xc3 : 0xc2);
      case "number":
        if (Number.isSafeInteger(value) && !Object.is(value, -0)) return this.int(value);
        return this.float(value);
      case "bigint": return this.big(value);
      case "string": {
        const bytes = utf8(value);
        return this.head(bytes.length, 0xa0, 32, [0xd9, 0xda, 0xdb]).put(bytes);
      }
      case "object": return this.object(value, depth);
    }
    throw new TypeError(`a ${typeof value} cannot be sent`);
  }
  float(value) {
    return this.u8(0xcb).set(8, "setFloat64", value);
  }
  int(value) {
    if (value >= -32 && value < 128) return this.u8(value & 255);
    if (value >= 0 ? value > 0xffffffff : value < -0x80000000) return this.big(BigInt(value));
    if (value >= 0 && value < 0x100) return this.u8(0xcc).u8(value);
    if (value < 0 && value >= -0x80) return this.u8(0xd0).u8(value & 255);
    const small = value >= 0 ? value < 0x10000 : value >= -0x8000;
    this.u8((value >= 0 ? 0xcd : 0xd1) + (small ? 0 : 1));
    return small ? this.set(2, "setUint16", value & 0xffff) : this.set(4, "setUint32", value >>> 0);
  }
  big(value) {
    if (value >= -(2n ** 53n) && value < 2n ** 32n && value >= -(2n ** 31n)) return this.int(Number(value));
    if (value < -(2n ** 63n) || value >= 2n ** 64n) throw new RangeError("an int has 64 bits");
    return this.u8(value < 0n ? 0xd3 : 0xcf).set(8, "setBigUint64", BigInt.asUintN(64, value));
  }
  /** The head of what has a length: in one byte if it is below `few`. */
  head(size, small, few, [of8, of16, of32]) {
    if (size < few) return this.u8(small | size);
    if (of8 && size < 0x100) return this.u8(of8).u8(size);
    return size < 0x10000
      ? this.u8(of16).set(2, "setUint16", size)
      : this.u8(of32).set(4, "setUint32", size);
  }
  object(value, depth) {
    if (depth >= MAX_DEPTH) throw new RangeError("nested too deeply");
    if (value instanceof Float) return this.float(value.value);
    const type = value instanceof Extension ? value.type : typeOf(value);
    if (type) return this.extension(type, value);
    if (value instanceof ArrayBuffer) value = new Uint8Array(value);
    if (value instanceof Uint8Array || value instanceof Uint8ClampedArray) {
      return this.head(value.length, 0, 0, [0xc4, 0xc5, 0xc6]).put(value);
    }
    if (Array.isArray(value)) {
      this.head(value.length, 0x90, 16, [0, 0xdc, 0xdd]);
      for (const item of value) this.value(item, depth + 1);
      return this;
    }
    if (!isDictionary(value)) throw new TypeError(`a ${value.constructor?.name} cannot be sent`);
    const pairs = entries(value);
    this.head(pairs.length, 0x80, 16, [0, 0xde, 0xdf]);
    for (const [key, item] of pairs) {
      if (isDictionary(key)) throw new TypeError("a dictionary cannot be a key");
      this.value(key, depth + 1).value(item, depth + 1);
    }
    return this;
  }
  extension(type, value) {
    const inside = new Writer();
    inside.content(type, value);
    const data = inside.done();
    const few = [1, 2, 4, 8, 16].indexOf(data.length);
    if (few >= 0) this.u8(0xd4 + few);
    else this.head(data.length, 0, 0, [0xc7, 0xc8, 0xc9]);
    return this.u8(type & 255).put(data);
  }
  content(type, value) {
    const made = STRUCTS.get(type);
    if (value instanceof Extension) this.put(value.data);
    else if (made) {
      const at = this.room(made.size);
      made.write(this.view, at, value);
    } else if (NUMERIC.has(type)) {
      this.u32(value.length).put(new Uint8Array(value.buffer, value.byteOffset, value.byteLength));
    } else if (PACKED.has(type)) {
      const [, item] = PACKED.get(type);
      this.u32(value.length);
      for (const one of value) {
        const at = this.room(item.size);
        item.write(this.view, at, one);
      }
    } else if (type === 34) {
      this.u32(value.length);
      for (const text of value) this.padded(`${text}\0`);
    } else if (type === 21) this.padded(value.text);
    else {
      const [path, ...below] = value.text.split(":");
      const names = path.split("/").filter(Boolean);
      this.u32((names.length | 0x80000000) >>> 0).u32(below.length).u32(+path.startsWith("/"));
      for (const name of [...names, ...below]) this.padded(name);
    }
  }
}

function typeOf(value) {
  if (value instanceof StringName) return 21;
  if (value instanceof NodePath) return 22;
  if (value instanceof PackedStringArray) return 34;
  for (const [type, Of] of NUMERIC) if (value instanceof Of) return type;
  for (const [type, [Of]] of PACKED) if (value instanceof Of) return type;
  const type = value.constructor?.type;
  return STRUCTS.get(type) === value.constructor ? type : undefined;
}

function utf8(text) {
  if (text.isWellFormed && !text.isWellFormed()) throw new TypeError("half a surrogate pair cannot be sent");
  return UTF8.encode(text);
}

/** The bytes of a value. Throws TypeError or RangeError if it cannot be sent. */
export const encode = (value) => new Writer().value(value).done();

/** The value of these bytes, which are one value and nothing else. Throws DecodeError. */
export function decode(bytes) {
  const reader = new Reader(bytes);
  const value = reader.value();
  reader.end();
  return value;
}

// ---- Packets --------------------------------------------------------------------------------

const KINDS = ["CALL", "ANNOUNCE", "RAW", "AUTH", "AUTH_COMPLETE", "ADD_PEER", "DEL_PEER", "RELAY",
  "REQUEST", "RESPONSE", "ERROR", "FORGET", "SPAWN", "DESPAWN", "SYNC", "DELTA", "RESEND"];
const KIND = Object.fromEntries(KINDS.map((name, kind) => [name, kind]));
const NOT_SPAWNED = 0x80000000; // added to the number of a synchronizer that no SPAWN listed
const MAX_ELEMENTS = 65536;

/** In the place of a state that is malformed. */
export const MALFORMED = Symbol("malformed");

/** How a list differs from the one before, which had so many elements. */
export class Splices {
  constructor(before, splices) {
    this.before = before;
    this.splices = splices;
  }
  /** The list after it; `undefined` if it does not fit this one. */
  apply(list) {
    if (!Array.isArray(list) || list.length !== this.before) return undefined;
    const made = list.slice();
    for (const [where, gone, items] of this.splices) {
      if (where + gone > made.length || made.length - gone + items.length > MAX_ELEMENTS) return undefined;
      made.splice(where, gone, ...items);
    }
    return made;
  }
}

/** How a dictionary differs from the one before, which had so many items. */
export class Items {
  constructor(before, changed, removed) {
    this.before = before;
    this.changed = changed;
    this.removed = removed;
  }
  apply(old) {
    if (!isDictionary(old)) return undefined;
    const pairs = new Map(entries(old).map((pair) => [keyOf(pair[0]), pair]));
    if (pairs.size !== this.before) return undefined;
    for (const key of this.removed) pairs.delete(keyOf(key));
    for (const pair of entries(this.changed)) pairs.set(keyOf(pair[0]), pair);
    return pairs.size > MAX_ELEMENTS ? undefined : dictionary([...pairs.values()]);
  }
}

/** Equal for keys that are the same key to the other side: there, 1 and true are. */
const keyOf = (key) => (typeof key === "boolean" ? keyOf(+key) : encode(key).join());

const isCount = (x) => Number.isSafeInteger(x) && x >= 0;
const isText = (x) => typeof x === "string";
const demand = (fine) => {
  if (!fine) throw new DecodeError("not what belongs there");
};

/** A change inside a value of a DELTA. */
function changeOf(value) {
  demand(Array.isArray(value) && isCount(value[0]) && value[0] <= MAX_ELEMENTS);
  const [before, ...rest] = value;
  if (rest.length === 2 && isDictionary(rest[0])) {
    demand(Array.isArray(rest[1]) && !rest[1].some(Array.isArray));
    demand(!entries(rest[0]).some(([key]) => Array.isArray(key)));
    demand(rest[1].length + entries(rest[0]).length <= MAX_ELEMENTS);
    return new Items(before, ...rest);
  }
  demand(rest.length <= 256);
  let named = 0;
  for (const splice of rest) {
    demand(Array.isArray(splice) && splice.length === 3 && isCount(splice[0]) && isCount(splice[1]));
    demand(Array.isArray(splice[2]));
    named += splice[1] + splice[2].length;
  }
  demand(named <= 2 * MAX_ELEMENTS);
  return new Splices(before, rest);
}

/** The values of a DELTA's state by their bits. */
function deltaOf(bits, values) {
  const places = [];
  for (let bit = 0; bit < 64; bit++) if ((bits >> BigInt(bit)) & 1n) places.push(bit);
  if (values.length === places.length + 1) {
    const changes = values.pop();
    demand(Array.isArray(changes));
    changes.forEach((place, i) => {
      demand(isCount(place) && place < values.length && (i === 0 || place > changes[i - 1]));
      values[place] = changeOf(values[place]);
    });
  }
  demand(values.length === places.length);
  return new Map(places.map((bit, i) => [bit, values[i]]));
}

/** The elements of a SYNC or DELTA, up to where it is malformed. */
function elementsOf(reader, isDelta) {
  const elements = [];
  let whole = true;
  while (reader.left) {
    let synchronizer, bits, state;
    try {
      synchronizer = reader.u32();
      bits = isDelta ? reader.u64() : 0n;
      state = reader.take(reader.u32());
    } catch {
      whole = false;
      reader.at = reader.bytes.length;
    }
    if (!whole) break;
    let values;
    try {
      values = decode(state);
      demand(Array.isArray(values));
      if (isDelta) values = deltaOf(bits, values);
    } catch {
      values = MALFORMED;
    }
    elements.push([synchronizer, values]);
  }
  demand(elements.length);
  return { elements, whole };
}

function spawnOf(reader) {
  const packet = { spawner: reader.u32(), node: reader.u32() };
  const [count, ofNames, ofData] = [reader.u16(), reader.u16(), reader.u32()];
  demand(4 * count <= reader.left);
  packet.synchronizers = Array.from({ length: count }, () => reader.u32());
  const names = decode(reader.take(ofNames));
  const data = reader.take(ofData);
  demand(Array.isArray(names) && names.length === 2 && isText(names[0]) && names[0]);
  packet.name = names[0];
  if (names[1] === null) {
    const values = decode(data);
    demand(Array.isArray(values) && values.length === 1);
    packet.data = values[0];
  } else {
    demand(isText(names[1]) && names[1] && !ofData);
    packet.scene = names[1];
  }
  packet.states = [];
  while (reader.left) {
    const state = reader.value();
    demand(Array.isArray(state) && packet.states.length < count);
    packet.states.push(state);
  }
  return packet;
}

function numbersOf(reader) {
  demand(reader.left && reader.left % 4 === 0);
  return Array.from({ length: reader.left / 4 }, () => reader.u32());
}

function argumentsOf(reader) {
  const values = reader.value();
  demand(Array.isArray(values));
  return values;
}

const READ = {
  CALL: (r) => ({ node: r.u32(), method: r.u16(), arguments: argumentsOf(r) }),
  ANNOUNCE(r) {
    const packet = { node: r.u32() };
    const value = r.value();
    demand(Array.isArray(value) && value.length === 2 && isText(value[0]) && value[0]);
    demand(Array.isArray(value[1]) && value[1].every(isText));
    [packet.path, packet.methods] = value;
    return packet;
  },
  RAW: (r) => ({ payload: some(r) }),
  AUTH: (r) => ({ data: some(r) }),
  AUTH_COMPLETE: () => ({}),
  ADD_PEER: (r) => ({ peer: r.i32() }),
  DEL_PEER: (r) => ({ peer: r.i32() }),
  RELAY: (r) => ({ peer: r.i32(), packet: some(r) }),
  REQUEST: (r) => ({ request_id: r.u32(), ...READ.CALL(r) }),
  RESPONSE: (r) => ({ request_id: r.u32(), value: r.value() }),
  ERROR(r) {
    const packet = { request_id: r.u32() };
    const texts = r.value();
    demand(Array.isArray(texts) && texts.length === 2 && texts.every(isText));
    [packet.kind, packet.text] = texts;
    return packet;
  },
  FORGET: (r) => ({ nodes: numbersOf(r) }),
  SPAWN: spawnOf,
  DESPAWN: (r) => ({ node: r.u32() }),
  SYNC: (r) => elementsOf(r, false),
  DELTA: (r) => elementsOf(r, true),
  RESEND: (r) => ({ synchronizers: numbersOf(r) }),
};

function some(reader) {
  demand(reader.left);
  return reader.take(reader.left).slice();
}

/**
 * What a packet says, by the names of docs/protocol/native.md, with its kind as `type`; null if its kind is unknown.
 * Throws DecodeError if it is malformed.
 */
export function readPacket(bytes) {
  const reader = new Reader(bytes);
  const name = KINDS[reader.u8()];
  if (!name) return null;
  const packet = { type: name, ...READ[name](reader) };
  reader.end();
  return packet;
}

const start = (name) => new Writer().u8(KIND[name]);
const callPacket = (node, method, values) => start("CALL").u32(node).u16(method).value(values).done();
const requestPacket = (id, node, method, values) =>
  start("REQUEST").u32(id).u32(node).u16(method).value(values).done();

// ---- Coming back: docs/protocol/resume.md ---------------------------------------------------

const MAX_WORD = 4096;
const ACK_AFTER = { messages: 64, bytes: 32 * 1024, milliseconds: 1000 };
const RETRIED = new Set([1001, 1005, 1006, 4012, 4013]);
const SEAT_GONE = 4003;
const isNumber = (x) => Number.isSafeInteger(x) && x >= 0;

/** What a word of the server says; null for a violation. */
export function readWord(text) {
  let word;
  try {
    word = UTF8.encode(text).length <= MAX_WORD ? JSON.parse(text) : null;
  } catch {
    return null;
  }
  if (!isDictionary(word)) return null;
  const names = Object.keys(word);
  if ("resume" in word) {
    const { resume, seat, grace, received, next, replayed } = word;
    const fine = resume === 1 && isText(seat) && seat && typeof grace === "number" && grace >= 0 &&
      isNumber(received) && isNumber(next) && next >= 1 &&
      (replayed === undefined || typeof replayed === "boolean");
    return fine ? { greeting: { seat, grace, received, next, replayed } } : null;
  }
  if (names.length !== 1) return null;
  const { ack, renewed, roster } = word;
  if (isNumber(ack)) return { ack };
  if (isNumber(renewed) && renewed >= 2 && renewed < 2 ** 31) return { renewed };
  return roster === true ? { roster } : null;
}

/** The reliable messages that the other side has not acknowledged, and those that wait. */
class Ring {
  #entries = []; // { number, message }; those that wait have no number, and are at the end
  #bytes = 0;
  lost = 0;
  constructor(maxBytes, maxPackets) {
    this.maxBytes = maxBytes;
    this.maxPackets = maxPackets;
  }
  get bytes() {
    return this.#bytes;
  }
  add(message, number, next) {
    this.#entries.push({ number, message });
    this.#bytes += message.length;
    while (this.#bytes > this.maxBytes || this.#entries.length > this.maxPackets) {
      this.lost = this.#entries[0].number ?? next;
      this.#shift();
    }
  }
  #shift() {
    this.#bytes -= this.#entries.shift().message.length;
  }
  acknowledge(number) {
    while (this.#entries.length && this.#entries[0].number !== null && this.#entries[0].number <= number) {
      this.#shift();
    }
  }
  clear(lost) {
    this.#entries = [];
    this.#bytes = 0;
    this.lost = lost;
  }
  /** Write all of it, with the numbers that `write` returns. */
  replay(write) {
    for (const entry of this.#entries) entry.number = write(entry.message);
  }
}

/** A connection that comes back if the server lets it. `on` has what to do with what happens. */
class Line {
  #socket = null;
  #timer = 0; // of the attempt under way, or of the next one
  #ackTimer = 0;
  #unacknowledged = { messages: 0, bytes: 0 };
  #next = 1; // the number of the next message written
  #incoming = 1; // the number of the next message of the server
  #received = 0; // that of the last one that has come
  #token = null;
  #isElsewhere = false; // the token is of a page that is gone: nothing is known of its messages
  #greeted = false; // the first message of this connection has come
  #attempt = 0;
  #suspendedSince = null;
  #lastHeard = 0;
  state = "connecting"; // open, suspended, closed

  constructor(url, options, on) {
    this.url = url;
    this.options = options;
    this.on = on;
    const hasKey = new URL(url, globalThis.location?.href).searchParams.has("seat_key");
    this.resume = hasKey ? null : options.resume; // the key counts, and then there are no words
    if (this.resume) {
      this.ring = new Ring(this.resume.ringBytes, this.resume.ringPackets);
      this.#token = options.seat || null;
      this.#isElsewhere = this.#token !== null;
    }
    this.#dial();
  }

  get seat() {
    return this.resume && this.state !== "closed" ? this.#token : null;
  }

  get buffered() {
    return (this.#socket?.bufferedAmount ?? 0) + (this.state === "suspended" ? this.ring.bytes : 0);
  }

  #dial() {
    const url = new URL(this.url, globalThis.location?.href);
    url.protocol = url.protocol.replace("http", "ws");
    url.hash = "";
    if (this.resume) {
      const query = [url.search.slice(1), "resume=1"];
      if (this.#token) {
        // All that another page has sent is lost here, so that the session begins anew.
        const lost = this.#isElsewhere ? this.#next : this.ring.lost;
        query.push(`seat=${this.#token}&received=${this.#received}&next=${this.#next}&lost=${lost}`);
      }
      url.search = query.filter(Boolean).join("&"); // as it is: searchParams would write it anew
    }
    this.#greeted = false;
    const socket = new WebSocket(url);
    socket.binaryType = "arraybuffer";
    socket.onmessage = ({ data }) => this.#socket === socket && this.#message(data);
    socket.onclose = ({ code, reason }) => this.#socket === socket && this.#lost(code, reason);
    this.#socket = socket;
    this.#timer = setTimeout(() => this.#abandon(), 1000 * this.options.connectTimeout);
  }

  /** Give this connection up: a browser tells of a silent one only much later. */
  #abandon() {
    const socket = this.#socket;
    if (!socket) return;
    this.#socket = null;
    // Not 1000 or 4000, which would leave for good; and a browser sends no 1001.
    socket.close(4012);
    this.#lost(1006, "");
  }

  /** Act as if the network had cut the connection, for tests of games. */
  cut() {
    this.#abandon();
  }

  #message(data) {
    this.#lastHeard = Date.now();
    if (!this.#greeted) {
      this.#greeted = true;
      clearTimeout(this.#timer);
      const greeting = typeof data === "string" ? readWord(data)?.greeting : null;
      const isKnown = this.#token && !this.#isElsewhere;
      if (this.resume && !greeting && (isKnown || typeof data === "string")) {
        return this.end(4000, "the server's greeting makes no sense");
      }
      if (this.resume && greeting) return this.#greet(greeting);
      this.resume = null;
      this.#settle();
    }
    if (typeof data !== "string") {
      this.#count(data.byteLength);
      return this.on.packet(new Uint8Array(data));
    }
    const word = this.resume ? readWord(data) : null;
    if (!word || word.greeting || word.ack >= this.#next) return this.on.violation("word");
    if ("ack" in word) return this.ring.acknowledge(word.ack);
    this.#count(data.length);
    return "roster" in word ? this.on.roster() : this.on.renewed(word.renewed);
  }

  #settle() {
    this.state = "open";
    this.#attempt = 0;
    this.#suspendedSince = null;
    clearTimeout(this.#timer);
    if (this.resume && this.options.silence) this.#watch();
  }

  #watch() {
    const silent = Date.now() - this.#lastHeard;
    if (silent >= 1000 * this.options.silence) this.#abandon();
    else this.#timer = setTimeout(() => this.#watch(), 1000 * this.options.silence - silent);
  }

  #greet({ seat, received, next, replayed }) {
    const again = this.#token !== null && (replayed !== undefined || !this.#isElsewhere);
    this.#isElsewhere = false;
    this.#token = seat;
    this.#incoming = next;
    this.#settle();
    if (!again) return;
    if (replayed) {
      this.ring.acknowledge(received);
      this.ring.replay((message) => this.#write(message));
    } else this.ring.clear(this.#next - 1);
    this.on.resumed(replayed === true);
  }

  #write(message) {
    this.#socket.send(message);
    return this.#next++;
  }

  send(message, isReliable) {
    if (this.state === "closed") return;
    const isOpen = this.state === "open" && this.#socket.readyState === WebSocket.OPEN;
    if (!isReliable) {
      if (isOpen && this.#socket.bufferedAmount < this.options.unreliableBytes) this.#write(message);
    } else {
      const number = isOpen ? this.#write(message) : null;
      this.ring?.add(message, number, this.#next);
    }
  }

  #count(size) {
    this.#received = this.#incoming++;
    if (!this.resume) return;
    const waiting = this.#unacknowledged;
    waiting.messages += 1;
    waiting.bytes += size;
    if (waiting.messages >= ACK_AFTER.messages || waiting.bytes >= ACK_AFTER.bytes) this.#acknowledge();
    else if (!this.#ackTimer) this.#ackTimer = setTimeout(() => this.#acknowledge(), ACK_AFTER.milliseconds);
  }

  #acknowledge() {
    clearTimeout(this.#ackTimer);
    this.#ackTimer = 0;
    this.#unacknowledged = { messages: 0, bytes: 0 };
    if (this.#socket?.readyState === WebSocket.OPEN) this.#socket.send(JSON.stringify({ ack: this.#received }));
  }

  #lost(code, reason) {
    clearTimeout(this.#timer);
    clearTimeout(this.#ackTimer);
    this.#ackTimer = 0;
    this.#unacknowledged = { messages: 0, bytes: 0 };
    this.#socket = null;
    if (this.#isElsewhere) {
      if (code !== SEAT_GONE) return this.#finish(code, reason);
      this.#token = null;
      this.#isElsewhere = false;
      return this.#dial(); // as somebody new
    }
    const isRetried = RETRIED.has(code) || (code === 1011 && this.state === "suspended");
    if (!this.resume || !this.#token || !isRetried) return this.#finish(code, reason);
    const now = Date.now();
    const isNew = this.state !== "suspended";
    this.state = "suspended";
    this.#suspendedSince ??= now;
    if (isNew) this.on.suspended();
    if (this.state !== "suspended") return; // a handler has closed it
    const cap = Math.min(4000, 200 * 2 ** this.#attempt++);
    const wait = Math.random() * cap;
    const end = this.#suspendedSince + 1000 * this.resume.giveUpAfter;
    if (now + wait > end) {
      this.#timer = setTimeout(() => this.#finish(code, "it did not come back in time"), Math.max(0, end - now));
    } else this.#timer = setTimeout(() => this.#dial(), wait);
  }

  #finish(code, reason) {
    clearTimeout(this.#timer);
    if (this.state === "closed") return;
    this.state = "closed";
    this.on.closed(code, reason);
  }

  /** Leave for good. */
  end(code, reason = "") {
    const socket = this.#socket;
    this.#socket = null;
    clearTimeout(this.#ackTimer);
    socket?.close(code, reason);
    this.#finish(code, reason);
  }
}

// ---- The session ----------------------------------------------------------------------------

const HEADER = 9; // of the gd_mp envelope: u8 type, i32 from, i32 to
const [PACKET, ADD, DEL, ID] = [0, 1, 2, 3];
const SERVER = 1;
const MAX_PATHS = 4096;
const MAX_ERROR_TEXT = 1000;

/** The other side has answered with an error: `kind` is a word for programs. */
export class RemoteError extends Error {
  name = "RemoteError";
  constructor(kind, text) {
    super(text);
    this.kind = kind;
  }
}

/** The peer has left, or lost what it knew, before it answered. */
export class PeerLeft extends Error {
  name = "PeerLeft";
}

const ANYBODY = Symbol("anybody may call it");

/** Let every peer call this method, and not the server alone. */
export function anyPeer(method) {
  method[ANYBODY] = true;
  return method;
}

/** What is at a path: its methods here can be called by peers, theirs by `rpc`, `rpcId`, `ask`. */
class RemoteObject {
  number = null; // ours for it on the wire, with the names announced with it
  names = [];
  constructor(client, path, methods, calls) {
    this.client = client;
    this.path = path;
    this.methods = new Map(Object.entries(methods));
    for (const [name, method] of this.methods) {
      if (typeof method !== "function") throw new TypeError(`${path}: ${name} is not a function`);
    }
    this.all = new Set([...this.methods.keys(), ...calls].sort());
  }
  rpc(method, ...values) { this.client.call(this, method, values, { to: 0 }); }
  rpcId(to, method, ...values) { this.client.call(this, method, values, { to }); }
  ask(method, ...values) { return this.client.request(this, method, values, {}); }
  askId(to, method, ...values) { return this.client.request(this, method, values, { to }); }
}

const DEFAULTS = { connectTimeout: 5, silence: 0, unreliableBytes: 16 * 1024, auth: null, seat: null };
const RESUME = { giveUpAfter: 30, ringBytes: 256 * 1024, ringPackets: 4096 };

/** A client in a session of a gdpeers server whose API speaks NATIVE. */
export class Client {
  id = 0;
  peers = new Set();
  statistics = { packets: 0, bytes: 0, sent: 0, rejected: {} };
  #line;
  #listeners = new Map();
  #objects = new Map(); // by path
  #numbers = new Map(); // of ours on the wire: the object
  #lastNumber = 0;
  #told = new Map(); // by peer: the numbers announced to it
  #theirs = new Map(); // by peer: what its numbers stand for
  #pending = new Map(); // by number of the request: { peer, resolve, reject }
  #lastRequest = 0;
  #replicas;
  #isUp = false;
  #isAdmitted = false;
  #roster = null; // who is there, while a session begins anew
  #settled; // resolves or rejects `ready`
  #auth;

  constructor(url, options = {}) {
    const { resume = true } = options;
    const own = { ...DEFAULTS, ...options };
    own.resume = resume && { ...RESUME, ...(resume === true ? {} : resume) };
    this.#auth = own.auth;
    this.#replicas = new Replicas(this);
    this.ready = new Promise((resolve, reject) => { this.#settled = { resolve, reject }; });
    this.ready.catch(() => {}); // "closed" tells those who do not wait for it
    this.#line = new Line(url, own, {
      packet: (bytes) => this.#message(bytes),
      violation: (what) => this.reject("malformed", what),
      suspended: () => this.emit("suspended"),
      resumed: (replayed) => this.#resumed(replayed),
      renewed: (id) => this.#renewed(id),
      roster: () => this.#rosterIsWhole(),
      closed: (code, reason) => this.#closed(code, reason),
    });
  }

  get isConnected() { return this.#isUp && this.#line.state !== "closed"; }
  get isSuspended() { return this.#line.state === "suspended"; }
  /** What another page comes back with, as its option `seat`; null if the server grants none. */
  get seat() { return this.#line.seat; }
  /** How many bytes wait to be sent. */
  get buffered() { return this.#line.buffered; }

  /** Call `listener` when it happens; the function that is returned ends that. */
  on(event, listener) {
    if (!this.#listeners.has(event)) this.#listeners.set(event, new Set());
    this.#listeners.get(event).add(listener);
    return () => this.#listeners.get(event).delete(listener);
  }

  /** Call the listeners; what they throw keeps nobody else from working. */
  emit(event, ...values) {
    for (const listener of [...(this.#listeners.get(event) ?? [])]) {
      this.guard(() => listener(...values), event === "error");
    }
  }
  guard(work, isLast = false) {
    try {
      return work();
    } catch (error) {
      if (isLast || !this.#listeners.get("error")?.size) console.error(error);
      else this.emit("error", error);
      return undefined;
    }
  }
  reject(reason, detail = "") {
    this.statistics.rejected[reason] = (this.statistics.rejected[reason] ?? 0) + 1;
    this.emit("rejected", reason, detail);
  }

  /** Leave for good. */
  close() { this.#line.end(1000); }
  /** Lose the connection, as if the network had: for tests of games. */
  cut() { this.#line.cut(); }

  // -- What peers can call, and calling it

  /** What is at a path; `methods` are those that peers can call here, `calls` names of others. */
  add(path, methods = {}, calls = []) {
    if (!path || this.#objects.has(path)) throw new Error(`${path || "no path"}: is there already`);
    const made = new RemoteObject(this, path, methods, calls);
    this.#objects.set(path, made);
    return made;
  }

  /** Take away what is at a path; peers can forget its number. */
  remove(path) {
    const gone = this.#objects.get(path);
    if (gone) this.#withdraw(gone);
    this.#objects.delete(path);
  }

  call(object, method, values, { to = 0, unreliable = false } = {}) {
    const target = this.#targets(to);
    const [number, place] = this.#announce(object, method, target);
    if (target.length) this.#send(to, callPacket(number, place, values), !unreliable);
  }

  request(object, method, values, { to = SERVER, signal } = {}) {
    return new Promise((resolve, reject) => {
      signal?.throwIfAborted();
      if (to <= 0) throw new RangeError("one peer only can be asked");
      const [number, place] = this.#announce(object, method, this.#targets(to));
      do this.#lastRequest = (this.#lastRequest + 1) >>> 0; while (this.#pending.has(this.#lastRequest));
      const id = this.#lastRequest;
      this.#send(to, requestPacket(id, number, place, values), true);
      this.#pending.set(id, { peer: to, resolve, reject });
      signal?.addEventListener("abort", () => this.#pending.delete(id) && reject(signal.reason), { once: true });
    });
  }

  /** Bytes of the game, to peer n, to all (0), or to all but n (-n). */
  sendBytes(bytes, to = SERVER) {
    if (!bytes.length) throw new RangeError("nothing to send");
    if (this.#targets(to).length) this.#send(to, start("RAW").put(bytes).done(), true);
  }

  #targets(to) {
    if (!this.isConnected) throw new Error("the session is not up: wait for `ready`");
    if (to > 0 && !this.peers.has(to)) throw new PeerLeft(`there is no peer ${to}`);
    return to > 0 ? [to] : [...this.peers].filter((peer) => peer !== -to);
  }

  /** Announce what is about to be called to those that lack it. */
  #announce(object, method, targets) {
    if (!object.all.has(method)) {
      this.#withdraw(object); // a number's names stay what they were: it needs another one
      object.all = new Set([...object.all, method].sort());
    }
    if (object.number === null) {
      object.number = ++this.#lastNumber;
      object.names = [...object.all];
      this.#numbers.set(object.number, object);
    }
    const packet = start("ANNOUNCE").u32(object.number).value([object.path, object.names]).done();
    for (const peer of targets) {
      const told = this.#told.get(peer) ?? this.#told.set(peer, new Set()).get(peer);
      if (told.has(object.number)) continue;
      told.add(object.number);
      this.#send(peer, packet, true);
    }
    return [object.number, object.names.indexOf(method)];
  }

  #withdraw(object) {
    const { number } = object;
    if (number === null) return;
    object.number = null;
    this.#numbers.delete(number);
    const packet = start("FORGET").u32(number).done();
    for (const [peer, told] of this.#told) if (told.delete(number)) this.#send(peer, packet, true);
  }

  #send(to, packet, isReliable) {
    this.statistics.sent += 1;
    const message = new Writer().u8(PACKET).i32(this.id).i32(to).put(packet).done();
    this.#line.send(message, isReliable);
  }

  /** Ask the sender for all of what these synchronizers have sent on change. */
  resend(numbers) {
    const packet = start("RESEND");
    for (const number of numbers) packet.u32(number);
    this.#send(SERVER, packet.done(), true);
  }

  // -- What arrives

  #message(bytes) {
    this.statistics.packets += 1;
    this.statistics.bytes += bytes.length;
    if (bytes.length < HEADER) return this.reject("malformed", "envelope");
    const reader = new Reader(bytes);
    const [type, source] = [reader.u8(), reader.i32()];
    reader.skip(4);
    if (type === PACKET) return this.#packet(source, bytes.subarray(HEADER));
    if (source !== SERVER || type > ID || reader.left !== 4) return this.reject("malformed", "envelope");
    const id = reader.i32();
    if (type === ID) this.#id(id);
    else if (type === ADD) this.#add(id);
    else this.#remove(id);
  }

  #id(id) {
    if (this.#roster || !this.id) this.id = id;
    else this.reject("malformed", "a second id");
  }

  #add(id) {
    if (!this.id || id < 1 || id === this.id) return this.reject("impossible_id", `${id}`);
    if (id === SERVER && this.#auth && !this.#isAdmitted) {
      this.#send(SERVER, start("AUTH").put(this.#auth).done(), true);
      this.#send(SERVER, start("AUTH_COMPLETE").done(), true);
      return undefined;
    }
    return this.#admit(id);
  }

  #admit(id) {
    if (this.#roster) return this.#roster.add(id);
    if (this.peers.has(id)) return undefined;
    this.peers.add(id);
    if (id === SERVER) {
      this.#isUp = true;
      this.#settled.resolve(this.id);
      this.emit("connected", this.id);
    }
    return this.emit("peerConnected", id);
  }

  #remove(id) {
    if (this.#roster) return this.#roster.delete(id);
    if (!this.peers.delete(id)) return undefined;
    this.#forget(id, `peer ${id} has left`);
    return this.emit("peerDisconnected", id);
  }

  /** Forget what a peer knows of us, and we of it. */
  #forget(id, why) {
    this.#told.delete(id);
    this.#theirs.delete(id);
    for (const [request, { peer, reject }] of this.#pending) {
      if (peer !== id) continue;
      this.#pending.delete(request);
      reject(new PeerLeft(why));
    }
    if (id === SERVER) this.#replicas.clear();
  }

  #resumed(replayed) {
    if (replayed) return this.emit("resumed", true);
    for (const id of this.peers) this.#forget(id, "the connection was lost, and what was asked with it");
    this.#isAdmitted = false;
    this.#roster = new Set();
    return undefined;
  }

  #rosterIsWhole() {
    if (!this.#roster) return this.reject("malformed", "roster");
    const there = this.#roster;
    this.#roster = null;
    for (const id of [...this.peers]) if (!there.has(id)) this.#remove(id);
    for (const id of there) this.#admit(id);
    return this.emit("resumed", false);
  }

  #renewed(id) {
    this.#forget(id, `peer ${id} has lost its connection, and what it was asked with it`);
    this.emit("peerRenewed", id);
  }

  #closed(code, reason) {
    this.#isUp = false;
    this.#roster = null;
    this.#settled.reject(new Error(`closed with ${code} ${reason}`));
    for (const id of [...this.peers]) this.#remove(id);
    this.emit("closed", code, reason);
  }

  #packet(from, bytes) {
    let packet;
    try {
      packet = readPacket(bytes);
    } catch (error) {
      if (!(error instanceof DecodeError)) throw error;
      return this.reject("malformed", error.message);
    }
    if (!packet) return this.reject("unsupported", `kind ${bytes[0]}`);
    if (packet.type === "AUTH_COMPLETE" && from === SERVER && this.#auth) {
      if (this.#isAdmitted) return undefined;
      this.#isAdmitted = true;
      return this.#admit(SERVER);
    }
    const isThere = this.peers.has(from) || this.#roster?.has(from);
    if (!isThere) return this.reject("unknown_peer", `${from}`);
    switch (packet.type) {
      case "CALL": return this.#called(from, packet);
      case "REQUEST": return this.#asked(from, packet);
      case "RESPONSE": return this.#answered(from, packet.request_id, (open) => open.resolve(packet.value));
      case "ERROR": {
        const error = new RemoteError(packet.kind, packet.text);
        return this.#answered(from, packet.request_id, (open) => open.reject(error));
      }
      case "ANNOUNCE": return this.#announced(from, packet);
      case "FORGET":
        for (const node of packet.nodes) this.#theirs.get(from)?.delete(node);
        return undefined;
      case "RAW": return this.emit("bytes", packet.payload, from);
      case "SPAWN": case "DESPAWN": case "SYNC": case "DELTA":
        if (from !== SERVER) return this.reject("not_allowed", packet.type);
        return this.#replicas[packet.type](packet);
      case "RESEND": return undefined; // this client has replicated nothing
    }
    return this.reject("unsupported", packet.type);
  }

  #announced(from, { node, path, methods }) {
    const known = this.#theirs.get(from) ?? this.#theirs.set(from, new Map()).get(from);
    if (known.has(node)) return this.reject("repeated_number", path);
    if (known.size >= MAX_PATHS) return this.reject("too_many_paths", path);
    known.set(node, { path, methods });
    return undefined;
  }

  /** The path that a number of the server stands for. */
  pathOf(node) {
    return this.#theirs.get(SERVER)?.get(node)?.path;
  }

  /** The method that is meant: [method, null], or [null, [reason, detail]]. */
  #meant(from, { node, method }) {
    const announced = this.#theirs.get(from)?.get(node);
    if (!announced) return [null, ["unknown_number", `${node}`]];
    const object = this.#objects.get(announced.path);
    if (!object) return [null, ["unknown_node", announced.path]];
    const name = announced.methods[method];
    const found = object.methods.get(name);
    const where = `${announced.path}: ${name}`;
    if (!found) return [null, ["unknown_method", where]];
    if (from !== SERVER && !found[ANYBODY]) return [null, ["not_allowed", where]];
    return [found, null];
  }

  #called(from, packet) {
    const [method, drop] = this.#meant(from, packet);
    if (drop) return this.reject(...drop);
    const handled = this.guard(() => method(from, ...packet.arguments));
    if (handled instanceof Promise) handled.catch((error) => this.guard(() => { throw error; }));
    return undefined;
  }

  async #asked(from, packet) {
    const id = packet.request_id;
    const [method, drop] = this.#meant(from, packet);
    let answer;
    if (drop) {
      this.reject(...drop);
      answer = errorPacket(id, ...drop);
    } else {
      try {
        const value = await method(from, ...packet.arguments);
        answer = start("RESPONSE").u32(id).value(value).done();
      } catch (error) {
        answer = errorPacket(id, error?.name ?? "Error", error?.message ?? `${error}`);
      }
    }
    if (this.isConnected && this.peers.has(from)) this.#send(from, answer, true);
  }

  #answered(from, id, settle) {
    const open = this.#pending.get(id);
    if (open?.peer !== from) return this.reject("unexpected_answer", `${id}`);
    this.#pending.delete(id);
    return settle(open);
  }

  // -- What the server replicates

  /** Take what a spawner of the server spawns: its scenes, by name, with what they replicate. */
  spawner(path, scenes, custom = null) { this.#replicas.spawner(path, scenes, custom); }
  /** Take what a synchronizer of the server sends that is not part of a spawned node. */
  synchronizer(path, properties) { return this.#replicas.synchronizer(path, properties); }
  /** The spawned nodes that are there. */
  get nodes() { return [...this.#replicas.nodes.values()]; }
}

const errorPacket = (id, kind, text) =>
  start("ERROR").u32(id).value([kind, text.slice(0, MAX_ERROR_TEXT)]).done();

// ---- Replication ----------------------------------------------------------------------------

/** The properties of a synchronizer, in the server's order: { name: mode or { mode, spawn } }. */
class Configuration {
  constructor(properties) {
    const all = Object.entries(properties).map(([name, how]) => {
      const { mode, spawn = true } = isText(how) ? { mode: how } : how;
      if (!["always", "on_change", "never"].includes(mode)) throw new TypeError(`${name}: no mode ${mode}`);
      return { name, mode, spawn };
    });
    const named = (which) => all.filter(which).map(({ name }) => name);
    this.spawned = named(({ spawn }) => spawn);
    this.always = named(({ mode }) => mode === "always");
    this.onChange = named(({ mode }) => mode === "on_change");
  }
}

/** What one synchronizer of the server has said. */
class Replica {
  bases = new Map(); // by bit: the list or dictionary that changes are about
  constructor(node, configuration) {
    this.node = node;
    this.configuration = configuration;
  }
  set(names, values) {
    if (values.length !== names.length) return null;
    names.forEach((name, place) => { this.node.state[name] = values[place]; });
    return names;
  }
  /** Returns the names that have changed, and whether all has to be asked for. */
  change(values) {
    const names = [];
    let isLost = false;
    for (const [bit, value] of values) {
      const name = this.configuration.onChange[bit];
      if (name === undefined) return { names, isLost, isWrong: true };
      let made = value;
      if (value instanceof Splices || value instanceof Items) {
        made = value.apply(this.bases.get(bit));
        if (made === undefined) {
          this.bases.delete(bit);
          isLost = true;
          continue;
        }
      }
      if (Array.isArray(made) || isDictionary(made)) this.bases.set(bit, made);
      else this.bases.delete(bit);
      this.node.state[name] = made;
      names.push(name);
    }
    return { names, isLost };
  }
}

/** The nodes and properties that the server replicates. */
class Replicas {
  nodes = new Map(); // by the server's number
  #spawners = new Map(); // by path
  #synchronizers = new Map(); // by path: of no spawned node
  #spawned = new Map(); // by number: the replica of a spawned node

  constructor(client) {
    this.client = client;
  }

  spawner(path, scenes, custom) {
    const configured = (of) => [of].flat().map((properties) => new Configuration(properties));
    const made = new Map(Object.entries(scenes).map(([name, of]) => [name, configured(of)]));
    this.#spawners.set(path, { scenes: made, custom: custom && ((data) => configured(custom(data))) });
  }

  synchronizer(path, properties) {
    const node = { path, state: {} };
    this.#synchronizers.set(path, new Replica(node, new Configuration(properties)));
    return node;
  }

  /** The session begins anew, or is over. */
  clear() {
    this.#spawned.clear();
    for (const { bases } of this.#synchronizers.values()) bases.clear();
    for (const node of [...this.nodes.keys()]) this.DESPAWN({ node });
  }

  SPAWN(packet) {
    const path = this.client.pathOf(packet.spawner);
    const spawner = this.#spawners.get(path);
    const { name, scene, data, states } = packet;
    const configurations = scene === undefined
      ? this.client.guard(() => spawner?.custom?.(data))
      : spawner?.scenes.get(scene);
    if (!configurations) return this.client.reject("bad_spawn", `${path}: ${scene ?? "its data"}`);
    if (this.nodes.has(packet.node)) return this.client.reject("bad_spawn", `${name} is there already`);
    const node = { number: packet.node, spawner: path, name, scene: scene ?? null, data: data ?? null, state: {} };
    const replicas = packet.synchronizers.map((_, place) =>
      new Replica(node, configurations[place] ?? new Configuration({})));
    const withStates = replicas.filter(({ configuration }) => configuration.spawned.length);
    if (withStates.length !== states.length) return this.client.reject("bad_spawn", `${name}: ${states.length} states`);
    withStates.forEach((replica, place) => {
      if (!replica.set(replica.configuration.spawned, states[place])) this.client.reject("bad_state", name);
    });
    this.nodes.set(packet.node, node);
    packet.synchronizers.forEach((number, place) => this.#spawned.set(number, replicas[place]));
    return this.client.emit("spawned", node);
  }

  DESPAWN({ node: number }) {
    const node = this.nodes.get(number);
    if (!node) return undefined; // its SPAWN was refused
    this.nodes.delete(number);
    for (const [synchronizer, replica] of this.#spawned) {
      if (replica.node === node) this.#spawned.delete(synchronizer);
    }
    return this.client.emit("despawned", node);
  }

  #find(number) {
    if (number < NOT_SPAWNED) return this.#spawned.get(number);
    return this.#synchronizers.get(this.client.pathOf(number - NOT_SPAWNED));
  }

  SYNC({ elements }) {
    for (const [number, values] of elements) {
      const replica = this.#find(number);
      if (!replica) this.client.reject("unknown_node", `synchronizer ${number}`);
      else {
        const names = values === MALFORMED ? null : replica.set(replica.configuration.always, values);
        if (names) this.client.emit("changed", replica.node, names);
        else this.client.reject("bad_state", `synchronizer ${number}`);
      }
    }
  }

  DELTA({ elements }) {
    const lost = [];
    for (const [number, values] of elements) {
      const replica = this.#find(number);
      if (!replica) {
        this.client.reject("unknown_node", `synchronizer ${number}`);
        continue;
      }
      const { names, isLost, isWrong } = values === MALFORMED
        ? { names: [], isWrong: true }
        : replica.change(values);
      if (isWrong) this.client.reject("bad_state", `synchronizer ${number}`);
      if (isLost) lost.push(number);
      if (names.length) this.client.emit("changed", replica.node, names);
    }
    if (lost.length) this.client.resend(lost);
  }
}
