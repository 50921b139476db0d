/** Signals so close together are one: `npm start` passes on the Ctrl-C that the terminal sent to both. */
const SAME_MS = 500;

/** The first SIGINT or SIGTERM; another one after that ends the process at once. */
export function stopSignal(): Promise<string> {
  return new Promise((resolve) => {
    let askedAt: number | undefined;
    for (const signal of ['SIGINT', 'SIGTERM'] as const) {
      process.on(signal, () => {
        if (askedAt === undefined) {
          askedAt = performance.now();
          resolve(signal);
        } else if (performance.now() - askedAt > SAME_MS) {
          process.exit(signal === 'SIGINT' ? 130 : 143);
        }
      });
    }
  });
}
