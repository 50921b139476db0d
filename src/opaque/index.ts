export * from './client.js';
export * from './server.js';
export * from './ksf.js';
export * from './key-id.js';
export type { Identities } from './envelope.js';
