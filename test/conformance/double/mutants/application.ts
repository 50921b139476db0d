// Application messages, and how connections are closed.
import { escapeApplication } from '../../../../proto/index.js';
import type { Mutant } from '../double-server.js';
import { instead } from '../rewriting.js';
import { swallowing, wired } from './making.js';

export const application: readonly Mutant[] = [
  wired('early-application-is-ignored', 'early-application', () => ({
    text: () => null,
    ...swallowing('early-frame'),
  })),
  wired('early-application-is-a-protocol-error', 'early-application', () =>
    instead('early-frame', 'protocol-error', 4400),
  ),
  wired('errors-without-close', 'orders-that-close', () => ({ close: () => null })),
  wired('close-reasons-with-details', 'target-refused', () => ({
    close: (code, reason) => [code, `${reason}: not on the list`],
  })),
  wired('application-not-escaped', 'application-escape', () => ({ application: (data) => data })),
  wired('application-escape-not-stripped', 'application-escape', () => ({
    application: (data) => escapeApplication(data[0] === 0xc1 ? Buffer.concat([Buffer.of(0xc1), data]) : data),
  })),
  wired('control-frames-as-text', 'control-text', () => ({
    text: (data) => Buffer.concat([Buffer.of(0xc1), data]),
  })),
];
