// Servers that break one rule each, named after it, and the case that has to find them.
import type { Mutant } from './double-server.js';
import { application } from './mutants/application.js';
import { decoder } from './mutants/decoder.js';
import { hello } from './mutants/hello.js';
import { passwords } from './mutants/passwords.js';
import { proofs } from './mutants/proofs.js';
import { sessions } from './mutants/sessions.js';
import { starts } from './mutants/starts.js';
import { unknownUsers } from './mutants/unknown-users.js';

export const MUTANTS: readonly Mutant[] = [
  ...hello,
  ...decoder,
  ...starts,
  ...proofs,
  ...passwords,
  ...unknownUsers,
  ...sessions,
  ...application,
];
