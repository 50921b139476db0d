import { randomBytes } from 'node:crypto';
import { types } from 'node:util';
import type { TemplatedApp } from 'uWebSockets.js';
import { CONTROL_MARK } from '../../../proto/index.js';
import type { UwsData } from './uws-types.js';

/**
 * Stands in front of every topic of authenticated sockets. Nobody else knows it, so that no socket of an unprotected
 * route subscribes to such a topic, not even where clients name their topics.
 */
const TOPIC_PREFIX = randomBytes(12).toString('base64url');

const utf8 = new TextEncoder();

/** The topic of this name among authenticated sockets. */
export function privateTopic(topic: UwsData): UwsData {
  if (typeof topic === 'string') return TOPIC_PREFIX + topic;
  return Buffer.concat([utf8.encode(TOPIC_PREFIX), toBytes(topic)]);
}

/** The name that the application gave a topic. */
export function publicTopic(topic: string): string;
export function publicTopic(topic: ArrayBuffer): ArrayBuffer;
export function publicTopic(topic: string | ArrayBuffer): string | ArrayBuffer {
  // The prefix is ASCII.
  return topic.slice(TOPIC_PREFIX.length);
}

/** What goes on the wire for a binary message of the application's: 0xC1 in front when it begins with 0xC1. */
export function escapeBinary(message: UwsData): UwsData {
  // UTF-8 never begins with 0xC1.
  if (typeof message === 'string') return message;
  // On the way of every message: no view is made of what is one already.
  const bytes = message instanceof Uint8Array ? message : toBytes(message);
  if (bytes[0] !== CONTROL_MARK) return message;
  const escaped = new Uint8Array(bytes.length + 1);
  escaped[0] = CONTROL_MARK;
  escaped.set(bytes, 1);
  return escaped;
}

/** True for data without a byte. */
export function isEmptyData(data: UwsData | undefined): boolean {
  if (data === undefined || data === '') return true;
  return typeof data !== 'string' && data.byteLength === 0;
}

let received: ArrayBuffer | undefined;
let receivedBytes = new Uint8Array(0);

/**
 * A view of a message that has come. It is kept until the next one, because applications mostly send on what they got, and
 * views are what costs here; when uWebSockets.js takes the buffer back, the view is empty as well.
 */
export function viewReceived(message: ArrayBuffer): Uint8Array {
  received = message;
  receivedBytes = new Uint8Array(message);
  return receivedBytes;
}

/** The bytes that uWebSockets.js would send; none for what it is going to refuse. */
function toBytes(data: Exclude<UwsData, string>): Uint8Array {
  if (data === received) return receivedBytes;
  if (ArrayBuffer.isView(data)) return new Uint8Array(data.buffer, data.byteOffset, data.byteLength);
  return types.isAnyArrayBuffer(data) ? new Uint8Array(data) : new Uint8Array(0);
}

const prepared = new WeakSet<TemplatedApp>();

/** From now on `publish` and `numSubscribers` of the app are about authenticated sockets. */
export function preparePublish(app: TemplatedApp): void {
  if (prepared.has(app)) return;
  prepared.add(app);
  const publish = app.publish.bind(app);
  const numSubscribers = app.numSubscribers.bind(app);
  app.publish = (topic, message, isBinary = false, compress = false) =>
    publish(privateTopic(topic), isBinary ? escapeBinary(message) : message, isBinary, compress);
  app.numSubscribers = (topic) => numSubscribers(privateTopic(topic));
}
