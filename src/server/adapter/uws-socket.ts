import { escapeBinary, isEmptyData, privateTopic, publicTopic } from './uws-topics.js';
import type { NativeSocket, UwsData } from './uws-types.js';

/** Of a message that is sent in fragments: binary with no byte sent yet, or further on. Without one: absent. */
const FRAGMENTS = Symbol('fragments');
interface PreparedSocket extends NativeSocket {
  [FRAGMENTS]?: 'binary-start' | 'under-way' | undefined;
}

/** A fragmented message has begun and not ended: there is no place for another message now. */
export function isFragmentUnderWay(ws: NativeSocket): boolean {
  return (ws as PreparedSocket)[FRAGMENTS] !== undefined;
}

/** From the methods of uWebSockets.js to ours, and back. */
const prototypes = new WeakMap<NativeSocket, object>();
const natives = new WeakMap<object, NativeSocket>();

/**
 * Gives a socket of uWebSockets.js methods that escape binary messages and keep to topics of authenticated sockets. All
 * sockets share them by one prototype: it costs no memory for each.
 */
export function prepareSocket(ws: NativeSocket): void {
  const native = Object.getPrototypeOf(ws) as NativeSocket;
  let prototype = prototypes.get(native);
  if (prototype === undefined) {
    prototype = Object.create(native, Object.getOwnPropertyDescriptors(methodsOver(native))) as object;
    prototypes.set(native, prototype);
    natives.set(prototype, native);
  }
  Object.setPrototypeOf(ws, prototype);
}

/** Sends a control frame as it is; returns what `send` of uWebSockets.js does. */
export function sendControl(ws: NativeSocket, frame: Uint8Array): number {
  const native = natives.get(Object.getPrototypeOf(ws) as object) ?? ws;
  return native.send.call(ws, frame, true);
}

/* eslint-disable @typescript-eslint/unbound-method -- the methods are called with their socket */
function methodsOver(native: NativeSocket): object {
  const { send, publish, subscribe, unsubscribe, isSubscribed, getTopics } = native;
  return {
    send(this: NativeSocket, message: UwsData, isBinary = false, compress = false): number {
      return send.call(this, isBinary ? escapeBinary(message) : message, isBinary, compress);
    },
    publish(this: NativeSocket, topic: UwsData, message: UwsData, isBinary = false, compress = false): boolean {
      return publish.call(this, privateTopic(topic), isBinary ? escapeBinary(message) : message, isBinary, compress);
    },
    subscribe(this: NativeSocket, topic: UwsData): boolean {
      return subscribe.call(this, privateTopic(topic));
    },
    unsubscribe(this: NativeSocket, topic: UwsData): boolean {
      return unsubscribe.call(this, privateTopic(topic));
    },
    isSubscribed(this: NativeSocket, topic: UwsData): boolean {
      return isSubscribed.call(this, privateTopic(topic));
    },
    getTopics(this: NativeSocket): string[] {
      return getTopics.call(this).map((topic) => publicTopic(topic));
    },
    ...fragmentMethodsOver(native),
  };
}

/** The first byte of the message decides, even when empty fragments precede it. */
function fragmentMethodsOver({ sendFirstFragment, sendFragment, sendLastFragment }: NativeSocket): object {
  if (!sendFirstFragment || !sendFragment || !sendLastFragment) return {};
  const next = (ws: PreparedSocket, message: UwsData): UwsData => {
    if (ws[FRAGMENTS] !== 'binary-start' || isEmptyData(message)) return message;
    ws[FRAGMENTS] = 'under-way';
    return escapeBinary(message);
  };
  return {
    sendFirstFragment(this: PreparedSocket, message: UwsData, isBinary = false, compress = false): number {
      this[FRAGMENTS] = isBinary ? 'binary-start' : 'under-way';
      return sendFirstFragment.call(this, next(this, message), isBinary, compress);
    },
    sendFragment(this: PreparedSocket, message: UwsData, compress = false): number {
      return sendFragment.call(this, next(this, message), compress);
    },
    sendLastFragment(this: PreparedSocket, message: UwsData, compress = false): number {
      const last = next(this, message);
      this[FRAGMENTS] = undefined;
      return sendLastFragment.call(this, last, compress);
    },
  };
}
/* eslint-enable @typescript-eslint/unbound-method */
