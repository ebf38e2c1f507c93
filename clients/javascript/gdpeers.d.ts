/** A client of gdpeers for browsers. README.md shows it; times are in seconds. */

/** What can be sent: also bigint, and Map where keys are not texts. */
export type Sendable =
  | null | undefined | boolean | number | bigint | string | Float | StringName | NodePath | Extension
  | Uint8Array | Uint8ClampedArray | ArrayBuffer
  | Int32Array | BigInt64Array | Float32Array | Float64Array
  | Vector2 | Vector2i | Rect2 | Rect2i | Vector3 | Vector3i | Vector4 | Vector4i | Transform2D
  | Plane | Quaternion | AABB | Basis | Transform3D | Projection | Color
  | readonly Sendable[] | Map<Sendable, Sendable> | { readonly [key: string]: Sendable };

export type Method = (from: number, ...values: any[]) => unknown;
export type Mode = "always" | "on_change" | "never";
/** The properties of one synchronizer, in the order in which the server declares them. */
export type Properties = Record<string, Mode | { mode: Mode; spawn?: boolean }>;
/** Of one synchronizer, or of several of one node in the order in which they are below it. */
export type Scene = Properties | Properties[];

export interface ResumeOptions {
  /** How long it tries to come back (30). */
  giveUpAfter?: number;
  /** How much it keeps until the server has acknowledged it (256 KiB, 4096). */
  ringBytes?: number;
  ringPackets?: number;
}

export interface ClientOptions {
  /** Come back after a lost connection, if the server lets it (true). */
  resume?: boolean | ResumeOptions;
  /** How long one attempt to connect may take (5). */
  connectTimeout?: number;
  /** So long a silence of the server is a lost connection (0: none is). Only with `resume`. */
  silence?: number;
  /** Unreliable calls are dropped while more than this waits to be sent (16 KiB). */
  unreliableBytes?: number;
  /**
   * The `seat` of a client of a page that is gone: come back as that player. If the seat is gone
   * too, this joins as somebody new. Only with `resume`.
   */
  seat?: string | null;
  /** Credentials for a server that has an `auth_callback`. */
  auth?: Uint8Array | null;
}

export interface SpawnedNode {
  readonly number: number;
  /** The path of its spawner. */
  readonly spawner: string;
  readonly name: string;
  /** null for one that `spawn_function` makes of `data`. */
  readonly scene: string | null;
  readonly data: any;
  /** The newest values. Do not change lists and dictionaries in there. */
  readonly state: Record<string, any>;
}

export interface PlacedNode {
  readonly path: string;
  readonly state: Record<string, any>;
}

export interface Events {
  connected: [id: number];
  peerConnected: [id: number];
  peerDisconnected: [id: number];
  /** That peer has lost what it knew, and is back under its id. */
  peerRenewed: [id: number];
  suspended: [];
  /** `replayed`: nothing reliable was lost. With the option `seat`, false after "connected". */
  resumed: [replayed: boolean];
  closed: [code: number, reason: string];
  bytes: [bytes: Uint8Array, from: number];
  spawned: [node: SpawnedNode];
  despawned: [node: SpawnedNode];
  changed: [node: SpawnedNode | PlacedNode, names: string[]];
  /** Something that arrived was dropped; reasons as in docs/rpc.md. */
  rejected: [reason: string, detail: string];
  /** What a listener or a method has thrown; without a listener, the console gets it. */
  error: [error: unknown];
}

/** What is at a path. */
export interface RemoteObject {
  readonly path: string;
  /** Call a method at all others. */
  rpc(method: string, ...values: Sendable[]): void;
  /** Call it at peer n, at all (0), or at all but n (-n). The server is 1. */
  rpcId(to: number, method: string, ...values: Sendable[]): void;
  /** Ask the server; rejects with RemoteError or PeerLeft. */
  ask(method: string, ...values: Sendable[]): Promise<any>;
  askId(to: number, method: string, ...values: Sendable[]): Promise<any>;
}

export class Client {
  constructor(url: string | URL, options?: ClientOptions);
  /** Resolves with the id when the session is up; rejects if it ends before. */
  readonly ready: Promise<number>;
  readonly id: number;
  /** Who is there; the server is 1. */
  readonly peers: ReadonlySet<number>;
  readonly isConnected: boolean;
  readonly isSuspended: boolean;
  /** What another page comes back with; another one after each connection. Keep it secret. */
  readonly seat: string | null;
  /** How many bytes wait to be sent. */
  readonly buffered: number;
  readonly nodes: SpawnedNode[];
  readonly statistics: {
    packets: number;
    bytes: number;
    sent: number;
    rejected: Record<string, number>;
  };
  /** Returns what ends it. */
  on<E extends keyof Events>(event: E, listener: (...values: Events[E]) => void): () => void;
  /** Have methods called at a path; `calls` names those of the others that have none here. */
  add(path: string, methods?: Record<string, Method>, calls?: Iterable<string>): RemoteObject;
  remove(path: string): void;
  call(
    object: RemoteObject,
    method: string,
    values: Sendable[],
    options?: { to?: number; unreliable?: boolean },
  ): void;
  request(
    object: RemoteObject,
    method: string,
    values: Sendable[],
    options?: { to?: number; signal?: AbortSignal },
  ): Promise<any>;
  sendBytes(bytes: Uint8Array, to?: number): void;
  spawner(
    path: string,
    scenes: Record<string, Scene>,
    custom?: ((data: any) => Scene) | null,
  ): void;
  synchronizer(path: string, properties: Properties): PlacedNode;
  /** Leave for good. */
  close(): void;
  /** Lose the connection as if the network had: for tests of games. */
  cut(): void;
}

/** Let every peer call this method, not the server alone. Returns it. */
export function anyPeer<M extends Method>(method: M): M;

export class RemoteError extends Error {
  readonly kind: string;
  constructor(kind: string, text: string);
}
export class PeerLeft extends Error {}
export class DecodeError extends Error {}

/** The pairs of a dictionary that has come, whether it is an object or a Map. */
export function entries(dictionary: Map<any, any> | Record<string, any>): [any, any][];

export function encode(value: Sendable): Uint8Array;
export function decode(bytes: Uint8Array): any;

export class Float { constructor(value: number); value: number; }
export class StringName { constructor(text: string); text: string; }
export class NodePath { constructor(text: string); text: string; }
/** What stands for things in the engine: passed on as it came. */
export class Extension { constructor(type: number, data: Uint8Array); type: number; data: Uint8Array; }

export class Vector2 { constructor(x?: number, y?: number); x: number; y: number; }
export class Vector2i { constructor(x?: number, y?: number); x: number; y: number; }
export class Rect2 { constructor(position?: Vector2, size?: Vector2); position: Vector2; size: Vector2; }
export class Rect2i { constructor(position?: Vector2i, size?: Vector2i); position: Vector2i; size: Vector2i; }
export class Vector3 { constructor(x?: number, y?: number, z?: number); x: number; y: number; z: number; }
export class Vector3i { constructor(x?: number, y?: number, z?: number); x: number; y: number; z: number; }
export class Vector4 {
  constructor(x?: number, y?: number, z?: number, w?: number);
  x: number; y: number; z: number; w: number;
}
export class Vector4i {
  constructor(x?: number, y?: number, z?: number, w?: number);
  x: number; y: number; z: number; w: number;
}
export class Transform2D {
  constructor(x?: Vector2, y?: Vector2, origin?: Vector2);
  x: Vector2; y: Vector2; origin: Vector2;
}
export class Plane { constructor(normal?: Vector3, d?: number); normal: Vector3; d: number; }
export class Quaternion {
  constructor(x?: number, y?: number, z?: number, w?: number);
  x: number; y: number; z: number; w: number;
}
export class AABB { constructor(position?: Vector3, size?: Vector3); position: Vector3; size: Vector3; }
/** Of its axes. */
export class Basis { constructor(x?: Vector3, y?: Vector3, z?: Vector3); x: Vector3; y: Vector3; z: Vector3; }
export class Transform3D { constructor(basis?: Basis, origin?: Vector3); basis: Basis; origin: Vector3; }
export class Projection {
  constructor(x?: Vector4, y?: Vector4, z?: Vector4, w?: Vector4);
  x: Vector4; y: Vector4; z: Vector4; w: Vector4;
}
export class Color {
  constructor(r?: number, g?: number, b?: number, a?: number);
  r: number; g: number; b: number; a: number;
}
export class PackedStringArray extends Array<string> {}
export class PackedVector2Array extends Array<Vector2> {}
export class PackedVector3Array extends Array<Vector3> {}
export class PackedVector4Array extends Array<Vector4> {}
export class PackedColorArray extends Array<Color> {}
