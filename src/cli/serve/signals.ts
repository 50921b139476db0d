/** Signals so close together are one: `npm start` passes on the Ctrl-C that the terminal sent to both. */
const SAME_MS = 500;
const PARENT_CHECK_MS = 500;

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
    if (process.env['npm_lifecycle_event'] !== undefined) void whenParentEnds().then(() => resolve('npm ended'));
  });
}

/** Calls for each SIGHUP, which then no longer ends the process. */
export function onReloadSignal(reload: () => void): void {
  process.on('SIGHUP', reload);
}

/** Between npm and its script stands a shell, which keeps SIGTERM to itself: `kill` of `npm start` would end only those. */
function whenParentEnds(): Promise<void> {
  const parent = process.ppid;
  return new Promise((resolve) => {
    const timer = setInterval(() => {
      if (process.ppid === parent) return;
      clearInterval(timer);
      resolve();
    }, PARENT_CHECK_MS).unref();
  });
}
