import { BlindsaltError, CLOSE, type RegistrationPolicy } from '../../proto/index.js';
import { browserTickets, connect } from '../client/browser.js';
import type { Connector } from '../client/connect.js';
import { errorOfClose } from '../client/errors.js';
import type { Stage } from '../client/options.js';
import type { BlindsaltSocket } from '../client/websocket.js';
import { AccountView } from './account-view.js';
import { ChatView } from './chat-view.js';
import { metaContent } from './dom.js';
import { loadPinnedCore } from './pinned-core.js';
import { sharedWorker } from './trusted-worker.js';
import { wordsFor } from './words.js';

/** What the person reads while they wait. */
const STAGES: Readonly<Record<Stage, string>> = {
  connecting: 'Connecting …',
  exchanging: 'Talking to the server …',
  stretching: 'Turning your password into a key. This takes about a second, so that nobody can guess it quickly …',
  finishing: 'Proving that you know it …',
};

const NO_WORKER = 'This browser does not let the page work in the background; it will stand still for a moment …';

/** The largest message of the chat, bytes of UTF-8; longer ones would end the connection. */
const MAX_MESSAGE_BYTES = 4096;

/** A page that is loaded again waits so long for the server before it shows the form. */
const RESUME_TIMEOUT_MS = 10_000;

const tickets = browserTickets();
let socket: BlindsaltSocket | undefined;

const accounts = new AccountView(metaContent('blindsalt-registration') as RegistrationPolicy, {
  login: async (credentials) => enterChat(await (await server()).login(credentials)),
  signup: async ({ username, password, invite }) =>
    enterChat(await (await server()).signup({ username, password, ...(invite !== '' && { invite }) })),
});

const chat = new ChatView({
  say: (text) => {
    if (new TextEncoder().encode(text).length <= MAX_MESSAGE_BYTES) socket?.send(text);
  },
  logout: () => {
    const left = socket;
    leaveChat('');
    // The session at the server and the ticket here; at least the connection.
    left?.logout().catch(() => left.close(CLOSE.normal));
  },
});

async function server(): Promise<Connector> {
  accounts.progress(STAGES.connecting);
  return connect(new URL('/', location.href), {
    domain: metaContent('blindsalt-domain'),
    tickets,
    worker: sharedWorker(),
    onWorkerUnavailable: () => accounts.progress(NO_WORKER),
    wasm: await loadPinnedCore(),
    onProgress: (stage) => accounts.progress(STAGES[stage]),
  });
}

/** With the session that this tab had before it was loaded again; else the form. */
async function comeBack(): Promise<void> {
  try {
    const domain = metaContent('blindsalt-domain');
    const timeoutMs = RESUME_TIMEOUT_MS;
    enterChat(await connect(new URL('/', location.href), { domain, tickets, timeoutMs }).resume());
  } catch (error) {
    const isNobody = error instanceof BlindsaltError && error.code === 'resume-failed';
    accounts.enter(isNobody ? '' : wordsFor(error));
  }
}

function enterChat(opened: BlindsaltSocket): void {
  socket = opened;
  accounts.leave();
  chat.enter(opened.session.username);
  opened.addEventListener('close', ({ code }) => {
    if (socket === opened) leaveChat(wordsOfClose(code));
  });
  opened.addEventListener('message', ({ data }: MessageEvent<unknown>) => {
    if (socket === opened && typeof data === 'string') chat.show(data);
  });
}

function leaveChat(words: string): void {
  socket = undefined;
  chat.leave();
  accounts.enter(words);
}

function wordsOfClose(code: number): string {
  switch (code) {
    case CLOSE.goingAway:
      return 'The server was stopped. Try again in a moment.';
    case 1008:
      return 'That were too many messages at once. Log in again.';
    default:
      return wordsFor(errorOfClose(code));
  }
}

if (typeof WebAssembly === 'undefined' || typeof Worker === 'undefined' || !isSecureContext) {
  accounts.enter(wordsFor(new BlindsaltError('environment-unsupported')));
} else {
  void comeBack();
  // While the person types. What fails here is tried again, and told, when it is needed.
  sharedWorker();
  loadPinnedCore().catch(() => undefined);
}
