// Interleaved timing: all contenders of an operation take turns in short rounds, so that whatever else the machine does
// hits them alike. Runs in Node and in browsers.

const now = () => performance.now();

/** Microseconds for one call, over a batch. */
function time(call, batch) {
  const start = now();
  for (let i = 0; i < batch; i++) call();
  return ((now() - start) * 1000) / batch;
}

const median = (sorted) => sorted[sorted.length >> 1];

/**
 * Measures `contenders` ({name: function}) and gives {name: {median, best}} in microseconds. A round takes about
 * `roundMs`; a contender that needs longer for one call is called once a round.
 */
export function measure(contenders, { rounds = 101, roundMs = 1, warmupMs = 80 } = {}) {
  const entries = Object.entries(contenders).map(([name, call]) => {
    // The first half compiles, the second says how many calls fill a round: the clock of a page is coarse.
    let calls = 0;
    let start = now();
    while (now() - start < warmupMs) call();
    start = now();
    do {
      call();
      calls++;
    } while (now() - start < warmupMs);
    return { name, call, batch: Math.max(1, Math.round((calls * roundMs) / warmupMs)), times: [] };
  });
  for (let round = 0; round < rounds; round++) {
    for (const entry of entries) entry.times.push(time(entry.call, entry.batch));
  }
  return Object.fromEntries(
    entries.map(({ name, times }) => {
      times.sort((a, b) => a - b);
      return [name, { median: median(times), best: times[0] }];
    }),
  );
}
