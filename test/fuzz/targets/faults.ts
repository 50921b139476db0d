import { CLIENT_FAULTS } from './client-faults.js';
import { CORE_FAULTS } from './core-faults.js';
import { DECODER_FAULTS } from './decoder-faults.js';
import { SERVER_FAULTS } from './server-faults.js';

/** What is broken on purpose, by target. */
export const FAULTS = {
  decoder: Object.keys(DECODER_FAULTS),
  server: Object.keys(SERVER_FAULTS),
  client: Object.keys(CLIENT_FAULTS),
  core: Object.keys(CORE_FAULTS),
} as const;

/** The rules by which they are found: each breaks one of its target's. */
export const RULES = {
  decoder: /accepted|refused|decoder|code|belongs|bytes|frame|unexpected BlindsaltError/,
  server: /authenticated|welcome|close|question|throw/,
  client: /wiped|throw|one action|bounds|proof|welcome/,
  core: /memory|traps|status|equal|argument|codes/,
} as const;
