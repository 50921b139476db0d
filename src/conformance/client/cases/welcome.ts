import { Skip } from '../../case.js';
import { encodeMessage } from '../../wire/schema.js';
import { QUIET_MS } from '../attempt.js';
import { afterFinish, type ClientCase } from '../define.js';
import type { Fields, PlayedServer } from '../played-server.js';

const WELCOME_RULE =
  'Section 5.9: "The client leaves if username is not the one it sent, or subprotocol is neither empty nor one it offered."';
const badWelcome = (id: string, title: string, fields: Fields): ClientCase =>
  afterFinish(id, '5.9', title, WELCOME_RULE, async (server) => {
    server.sendWelcome(fields);
    await server.expectLeave();
  });

const BROKEN_RULE =
  'Section 10: "4480 is sent by a client that leaves, … also when the server breaks this protocol after `welcome`."';
const GONE = 'the client closed by itself after its login: let it stay connected until the server closes';
const brokenAfter = (id: string, title: string, play: (server: PlayedServer) => void): ClientCase =>
  afterFinish(id, '10', title, BROKEN_RULE, async (server) => {
    server.sendWelcome();
    play(server);
    const came = await server.next();
    // A client that does one thing and goes may have closed before it read what is wrong.
    if (came?.kind === 'close' && (came.code === 1000 || came.code === 1001)) throw new Skip(GONE);
    if (came?.kind !== 'close' || came.code !== 4480) server.fail('that the client leaves: close 4480', came);
  });

export const WELCOME_CASES: readonly ClientCase[] = [
  badWelcome('welcome-username', 'welcome for another user', { username: 'somebody-else' }),
  badWelcome('welcome-subprotocol', 'welcome with a subprotocol that was not offered', { subprotocol: 'not-offered' }),
  afterFinish(
    'welcome-growth',
    '13',
    'unknown flags in welcome are ignored',
    'Section 13: "flags whose unknown bits are ignored".',
    async (server) => {
      server.sendWelcome({ flags: 0x8000_0000 });
      await server.expectStay(QUIET_MS);
    },
  ),
  afterFinish('notices', '5.19', 'notices after welcome are taken', 'Sections 5.19 and 5.20.', async (server) => {
    server.sendWelcome();
    server.sendFrame(encodeMessage('expiring', { secondsLeft: 3600, limit: 1 }));
    server.sendFrame(encodeMessage('user-changed', { roles: ['a'] }));
    await server.expectStay(QUIET_MS);
  }),
  brokenAfter('after-unknown-type', 'a control frame of an unknown type after welcome', (server) =>
    server.sendFrame(Buffer.of(0xc1, 0x91, 0x63)),
  ),
  brokenAfter('after-second-welcome', 'welcome again', (server) => server.sendWelcome()),
  brokenAfter('after-garbage', 'a malformed control frame after welcome', (server) =>
    server.sendFrame(Buffer.of(0xc1, 0x92, 0x51, 0xc0)),
  ),
];
