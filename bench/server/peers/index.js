// A peer has both ends: `createServer()` gives `accept()`, which gives a function for the messages of one connection;
// `createClient()` gives `login(exchange)`.
import * as opaque from './opaque.js';
import { argon2id, bcrypt } from './passwords.js';
import { scram } from './scram.js';
import * as srp from './srp.js';

export const PEERS = {
  '@serenity-kit/opaque': opaque,
  'SRP-6a (tssrp6a)': srp,
  'SCRAM-SHA-256, 4,096 iterations': scram(4096),
  'SCRAM-SHA-256, 600,000 iterations': scram(600_000),
  'password, argon2id 64 MiB t=3 on the server': argon2id,
  'password, bcrypt cost 10 on the server': bcrypt,
};
