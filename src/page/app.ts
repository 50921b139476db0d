import { BlindsaltError, CLOSE, retryAfterClose, type RegistrationPolicy } from '../../proto/index.js';
import { browserTickets, connect, ReconnectingSocket, type ExpiringEvent } from '../client/browser.js';
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

/** The server's close code for somebody who floods the chat. */
const TOO_FAST = 1008;

/** A page that is loaded again waits so long for the server before it shows the form. */
const RESUME_TIMEOUT_MS = 10_000;

/** So long the page waits to hear that the session has ended. */
const LOGOUT_PATIENCE_MS = 3_000;

/** A page that lost its connection tries again at most so long after it tried before. */
const MAX_DELAY_MS = 5_000;

const tickets = browserTickets();
let socket: BlindsaltSocket | ReconnectingSocket | undefined;

const accounts = new AccountView(metaContent('blindsalt-registration') as RegistrationPolicy, {
  login: async (credentials) => enterChat(await (await server()).login(credentials)),
  signup: async ({ username, password, invite }) =>
    enterChat(await (await server()).signup({ username, password, ...(invite !== '' && { invite }) })),
});

const chat = new ChatView({
  say: (text) => {
    if (new TextEncoder().encode(text).length > MAX_MESSAGE_BYTES) return;
    socket?.send(text);
    if (socket?.readyState === WebSocket.OPEN) chat.stayed();
  },
  stay: () => {
    const asked = socket instanceof ReconnectingSocket ? socket.connection : socket;
    // What fails closes the connection, which says why.
    asked?.refresh().then(
      () => chat.stayed(),
      () => undefined,
    );
  },
  logout: () => void logOut(),
});

async function server(): Promise<Connector> {
  accounts.progress(STAGES.connecting);
  return connect(new URL('/', location.href), {
    domain: metaContent('blindsalt-domain'),
    deviceLabel: 'web page',
    tickets,
    worker: sharedWorker(),
    onWorkerUnavailable: () => accounts.progress(NO_WORKER),
    wasm: await loadPinnedCore(),
    onProgress: (stage) => accounts.progress(STAGES[stage]),
  });
}

/** The session at the server and the ticket here, before the page says so; at least the ticket and the connection. */
async function logOut(): Promise<void> {
  const left = socket;
  socket = undefined;
  chat.notice('Logging out …');
  const patience = new Promise((resolve) => setTimeout(resolve, LOGOUT_PATIENCE_MS));
  await Promise.race([left?.logout().catch(() => undefined), patience]);
  left?.close(CLOSE.normal);
  leaveChat('');
}

/** With the session that this tab had before it was loaded again; else the form. */
async function comeBack(): Promise<void> {
  try {
    enterChat(await sessionOfBefore().resume());
  } catch (error) {
    const isNobody = error instanceof BlindsaltError && error.code === 'resume-failed';
    accounts.enter(isNobody ? '' : wordsFor(error));
  }
}

/** Goes on without the password, so it needs neither Worker nor core. */
function sessionOfBefore(): Connector {
  const domain = metaContent('blindsalt-domain');
  return connect(new URL('/', location.href), { domain, tickets, timeoutMs: RESUME_TIMEOUT_MS });
}

function enterChat(opened: BlindsaltSocket): void {
  accounts.leave();
  chat.enter(opened.session.username);
  use(opened);
  opened.addEventListener('close', ({ code }) => {
    if (socket !== opened) return;
    if (isLoss(code)) stayThrough(code);
    else leaveChat(wordsOfClose(code));
  });
}

/** Whether the session outlived its connection. */
function isLoss(code: number): boolean {
  return code !== CLOSE.normal && code !== TOO_FAST && retryAfterClose(code) === 'later';
}

/** Goes on with the session when there is a server again; what is on the screen stays, and what is sent waits. */
function stayThrough(code: number): void {
  const again = sessionOfBefore().reconnecting({
    credentials: () => undefined,
    maxDelayMs: MAX_DELAY_MS,
    retry: (later) => (later === TOO_FAST ? 'never' : retryAfterClose(later)),
  });
  const over = ({ error }: { readonly error: BlindsaltError }): void => {
    if (socket !== again) return;
    leaveChat(wordsFor(error));
    again.close();
  };
  chat.notice(lossWords(code));
  use(again);
  let isBack = false;
  again.addEventListener('resumed', () => {
    isBack = true;
    chat.notice('');
  });
  again.addEventListener('reconnecting', ({ error }) => {
    // How it was lost says more than how the next attempt failed.
    if (isBack) chat.notice(lossWords(error.closeCode));
    isBack = false;
  });
  again.addEventListener('expired', over);
  again.addEventListener('revoked', over);
  again.addEventListener('close', (event) => {
    if (socket === again) leaveChat(wordsOfClose(event.code));
  });
}

function use(opened: BlindsaltSocket | ReconnectingSocket): void {
  socket = opened;
  opened.addEventListener('message', (event: Event) => {
    const { data } = event as MessageEvent<unknown>;
    if (socket === opened && typeof data === 'string') chat.show(data);
  });
  opened.addEventListener('expiring', (event: Event) => {
    if (socket !== opened) return;
    const { secondsLeft, limit } = event as ExpiringEvent;
    const at = new Date(Date.now() + secondsLeft * 1000).toLocaleTimeString();
    if (limit === 'idle') chat.notice(`You will be logged out at ${at}, unless you go on.`, true);
    else chat.notice(`You will be logged out at ${at}; you can log in again then.`);
  });
}

function leaveChat(words: string): void {
  socket = undefined;
  chat.leave();
  accounts.enter(words);
}

function lossWords(code: number | undefined): string {
  const what = code === CLOSE.goingAway ? 'The server was stopped.' : 'The connection was lost.';
  return `${what} Trying to come back …`;
}

function wordsOfClose(code: number): string {
  switch (code) {
    case CLOSE.goingAway:
      return 'The server was stopped. Try again in a moment.';
    case TOO_FAST:
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
