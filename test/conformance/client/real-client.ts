import { connect, memoryTickets, type BlindsaltSocket, type TicketStore } from '../../../src/client/node.js';
import type { Subject, Task } from '../../../src/conformance/client/index.js';

/** Our Node client as a subject of the suite. */
export function realClient(ca: string): Subject {
  /** Tickets of each place that was dialled. */
  const stores = new Map<string, TicketStore>();
  const place = (url: string): TicketStore => {
    const store = stores.get(url) ?? memoryTickets();
    stores.set(url, store);
    return store;
  };
  const open = ({ action, url, username, password }: Task): Promise<BlindsaltSocket> => {
    const server = connect(url, { ca, tickets: place(url) });
    if (action === 'resume') return server.resume();
    return action === 'login' ? server.login({ username, password }) : server.signup({ username, password });
  };
  return {
    actions: ['signup', 'login', 'resume'],
    async act(task, signal) {
      let socket: BlindsaltSocket;
      try {
        socket = await open(task);
      } catch {
        return;
      }
      const over = new Promise<void>((resolve) => socket.addEventListener('close', () => resolve()));
      signal.addEventListener('abort', () => socket.close());
      if (signal.aborted) socket.close();
      await over;
    },
  };
}
