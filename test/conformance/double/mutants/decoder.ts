// Codecs that take what section 4 forbids, refuse what it allows, or send it.
import type { Mutant } from '../double-server.js';
import { instead, leniently, read } from '../rewriting.js';
import { wired } from './making.js';

export const decoder: readonly Mutant[] = [
  wired('accepts-trailing-bytes', 'decode-login-start-frame', () => leniently((what) => what === 'trailing')),
  wired('accepts-extra-fields', 'decode-login-start-frame', () => leniently((what) => what === 'extra')),
  wired('accepts-longer-encodings', 'decode-login-start-device-label', () => leniently((what) => what === 'long')),
  wired('accepts-invalid-utf8', 'decode-login-start-device-label', () => leniently((what) => what === 'text')),
  wired('accepts-nil-for-text', 'decode-login-start-origin', () => leniently((what) => what === 'nil')),
  wired('accepts-trailing-bytes-after-welcome', 'decode-refresh-frame', () =>
    leniently((what, fields) => what === 'trailing' && fields.length === 0),
  ),
  wired('ignores-unknown-types', 'decode-unknown-types', () => ({
    input: (frame) =>
      frame[2] !== undefined && frame[2] > 76 && read(frame, 'client') === undefined ? null : undefined,
  })),
  wired('ignores-messages-of-servers', 'decode-server-messages', () => ({
    input: (frame) => (read(frame, 'server') === undefined ? undefined : null),
  })),
  wired('ignores-mark-alone', 'decode-no-array', () => ({ input: (frame) => (frame.length === 1 ? null : undefined) })),
  wired('large-frame-is-a-protocol-error', 'frame-too-large', () => instead('frame-too-large', 'protocol-error', 4400)),
  wired('limit-includes-4096', 'frame-of-4096', (wire) => ({
    input: (frame) => {
      if (frame.length < 4096) return undefined;
      wire.deliver(Buffer.concat([frame, Buffer.of(0)]));
      return null;
    },
  })),
  wired('label-is-ascii-only', 'decode-odd-text-accepted', (wire) => ({
    input: (frame) => {
      const message = read(frame, 'client');
      if (message?.kind !== 'loginStart' || /^[ -~é]*$/.test(message.deviceLabel)) return undefined;
      wire.deliver(Buffer.of(0xc1));
      return null;
    },
  })),
  wired('refuses-control-frame-in-fragments', 'decode-longest-accepted', (wire) => ({
    input: (frame) => {
      if (frame.length < 600) return undefined;
      wire.deliver(Buffer.of(0xc1));
      return null;
    },
  })),
  wired('answers-in-longer-encodings', 'hello-first', () => ({
    output: (frame) =>
      read(frame, 'server')?.kind === 'hello'
        ? Buffer.concat([frame.subarray(0, 1), Buffer.of(0xdc, 0, 9), frame.subarray(2)])
        : undefined,
  })),
];
