import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { BlindsaltError } from '../../../proto/index.js';
import { errorFields, type Logger } from '../../server/logger.js';

/** What the operations port tells. */
export interface Operations {
  /** Text for Prometheus. */
  metrics(): Promise<{ readonly contentType: string; readonly text: string }>;
  /** Why this server should get no new connections; undefined when it should. */
  unready(): Promise<string | undefined>;
}

/** So long a question may take; who asks gives up then too. */
const PATIENCE_MS = 2_000;
/** Pages of other sites must not reach it by a name of theirs that leads to loopback. */
const OWN_HOSTS = /^(127\.0\.0\.1|localhost|\[::1\])(:\d+)?$/i;

/**
 * Listens on loopback only, in plaintext: `/metrics`, `/healthz` (the process answers), `/readyz` (it should get connections:
 * not draining, and the store answers). @throws BlindsaltError `listen-failed`
 */
export async function serveOperations(
  port: number,
  operations: Operations,
  log: Logger,
): Promise<{ readonly port: number; close(): Promise<void> }> {
  const server = createServer({ headersTimeout: PATIENCE_MS, requestTimeout: PATIENCE_MS }, (request, response) => {
    void answer(request, operations).then(
      ({ status, contentType = 'text/plain; charset=utf-8', text }) => send(response, status, contentType, text),
      () => send(response, 503, 'text/plain; charset=utf-8', 'failed\n'),
    );
  });
  server.maxConnections = 32;
  await listen(server, port);
  // Out of file descriptors, for example: the server that it is about goes on.
  server.on('error', (error) => log.error({ ...errorFields(error) }, 'the operations port cannot accept a connection'));
  return {
    port: (server.address() as AddressInfo).port,
    close: () =>
      new Promise((resolve) => {
        server.close(() => resolve());
        server.closeAllConnections();
      }),
  };
}

interface Answer {
  readonly status: number;
  readonly contentType?: string;
  readonly text: string;
}

async function answer({ method, url = '', headers }: IncomingMessage, operations: Operations): Promise<Answer> {
  if (!OWN_HOSTS.test(headers.host ?? '')) return { status: 421, text: 'ask 127.0.0.1\n' };
  if (method !== 'GET' && method !== 'HEAD') return { status: 405, text: 'only GET\n' };
  switch (url.split('?', 1)[0]) {
    case '/healthz':
      return { status: 200, text: 'ok\n' };
    case '/readyz': {
      const reason = await within(operations.unready(), 'the store does not answer');
      return reason === undefined ? { status: 200, text: 'ready\n' } : { status: 503, text: `${reason}\n` };
    }
    case '/metrics':
      return { status: 200, ...(await operations.metrics()) };
    default:
      return { status: 404, text: 'there are /metrics, /healthz and /readyz\n' };
  }
}

function within<T>(question: Promise<T>, otherwise: T): Promise<T> {
  let timer: NodeJS.Timeout | undefined;
  const late = new Promise<T>((resolve) => (timer = setTimeout(() => resolve(otherwise), PATIENCE_MS)));
  return Promise.race([question.catch(() => otherwise), late]).finally(() => clearTimeout(timer));
}

function send(response: ServerResponse, status: number, contentType: string, text: string): void {
  const length = Buffer.byteLength(text);
  response.writeHead(status, {
    'Content-Type': contentType,
    'Content-Length': length,
    'X-Content-Type-Options': 'nosniff',
    'Cache-Control': 'no-store',
  });
  response.end(response.req.method === 'HEAD' ? undefined : text);
}

function listen(server: Server, port: number): Promise<void> {
  return new Promise((resolve, reject) => {
    const failed = (cause: NodeJS.ErrnoException): void => {
      const why = cause.code === 'EADDRINUSE' ? 'the port is in use' : cause.message;
      reject(new BlindsaltError('listen-failed', `Cannot listen on the operations port ${port}: ${why}.`, { cause }));
    };
    server.once('error', failed);
    server.listen({ host: '127.0.0.1', port, exclusive: true }, () => {
      server.off('error', failed);
      resolve();
    });
  });
}
