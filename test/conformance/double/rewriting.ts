// How mutants change what passes over the wire.
import { Unpackr } from 'msgpackr';
import {
  decodeControl,
  encodeControl,
  SHAPES,
  type LoginStart,
  type Message,
  type Resume,
  type SignupStart,
} from '../../../proto/index.js';
import type { Taps } from './double-server.js';

type Start = LoginStart | SignupStart | Resume;
type Kind = Message['kind'];
type Changes = Partial<Omit<LoginStart, 'kind'> & Omit<SignupStart, 'kind'> & Omit<Resume, 'kind'>>;

/** The message in a frame of the given end; undefined when there is none. */
export function read(frame: Uint8Array, sender: 'client' | 'server'): Message | undefined {
  try {
    return decodeControl(frame, sender);
  } catch {
    return undefined;
  }
}

/** Changes start messages before the engine sees them: as a server that does not look at a field. */
export function ignoring(change: (start: Start) => Changes): Taps {
  return {
    input(frame) {
      const message = read(frame, 'client');
      if (message?.kind !== 'loginStart' && message?.kind !== 'signupStart' && message?.kind !== 'resume')
        return undefined;
      const changes = change(message);
      const fitting = Object.fromEntries(Object.entries(changes).filter(([name]) => name in message));
      return encodeControl({ ...message, ...fitting });
    },
  };
}

/** Changes messages of one kind that the engine sends. */
export function sending<K extends Kind>(
  kind: K,
  change: (message: Extract<Message, { kind: K }>) => Partial<Extract<Message, { kind: K }>> | null,
): Taps {
  return {
    output(frame) {
      const message = read(frame, 'server');
      if (message?.kind !== kind) return undefined;
      const changed = change(message as Extract<Message, { kind: K }>);
      return changed === null ? null : encodeControl({ ...message, ...changed });
    },
  };
}

/** Instead of an error, another one, with its close code. */
export function instead(code: string, other: string, closeCode?: number): Taps {
  return {
    ...sending('error', (message) => (message.code === code ? { code: other } : {})),
    close: (given, reason) => (reason === code && closeCode !== undefined ? [closeCode, other] : [given, reason]),
  };
}

/** A decoder with a general msgpack library and nothing else: takes what it understands. */
export function leniently(
  accepts: (what: 'trailing' | 'extra' | 'long' | 'text' | 'nil', repaired: unknown[]) => boolean,
): Taps {
  return {
    input(frame) {
      if (read(frame, 'client') !== undefined || frame.length < 3) return undefined;
      const unpacker = new Unpackr({ useRecords: false, mapsAsObjects: true, int64AsType: 'number' });
      let values: unknown[];
      let isTrailing = false;
      try {
        const all: unknown[] = [];
        unpacker.unpackMultiple(frame.subarray(1), (value: unknown) => void all.push(value));
        isTrailing = all.length > 1;
        values = all[0] as unknown[];
      } catch {
        return undefined;
      }
      if (!Array.isArray(values)) return undefined;
      const shape = Object.entries(SHAPES).find(([, { type }]) => type === values[0]);
      if (shape === undefined) return undefined;
      const [kind, { fields }] = shape;
      const isExtra = values.length > fields.length + 1;
      let isText = false;
      let isNil = false;
      const repaired = fields.map(([, field], i) => {
        const value = values[i + 1];
        if (value === null && field.kind === 'str') {
          isNil = true;
          return '';
        }
        if (typeof value === 'string' && /[\0\ufffd\ufeff]/.test(value)) {
          isText = true;
          return value.replace(/[\0\ufffd\ufeff]/g, 'x');
        }
        return value;
      });
      const what = isTrailing ? 'trailing' : isExtra ? 'extra' : isNil ? 'nil' : isText ? 'text' : 'long';
      if (!accepts(what, repaired)) return undefined;
      try {
        const entries = fields.map(([name], i) => [name, repaired[i]] as const);
        return encodeControl({ kind, ...Object.fromEntries(entries) } as unknown as Message);
      } catch {
        return undefined;
      }
    },
  };
}
