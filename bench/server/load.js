// Units of work, many at once, as fast as they go.

/** Runs `unit(i)` so many times with so many under way. */
export async function run(count, concurrency, unit) {
  let next = 0;
  const worker = async () => {
    while (next < count) await unit(next++);
  };
  await Promise.all(Array.from({ length: Math.min(concurrency, count) }, worker));
}

/**
 * CPU time of the servers for one unit of each contender, in microseconds, in rounds in which all take turns, forwards
 * and backwards: who comes first changes, so that what heats or fills the machine burdens all alike. A contender is
 * {name, server, count, warmUp, unit, every}: `warmUp` units come before, so that what is measured is compiled; with
 * `every` it takes part in each so-manieth round only. Answers a list for each name, undefined where it did not take part.
 */
export async function measureRounds(contenders, { rounds, concurrency }) {
  for (const { warmUp, unit } of contenders) await run(warmUp, concurrency, unit);
  const samples = new Map(contenders.map(({ name }) => [name, new Array(rounds).fill(undefined)]));
  for (let round = 0; round < rounds; round++) {
    for (const { name, server, count, unit, every = 1 } of round % 2 ? [...contenders].reverse() : contenders) {
      if (round % every !== 0) continue;
      const cpu = await server.cpuOf(() => run(count, concurrency, unit));
      samples.get(name)[round] = cpu / count;
    }
  }
  return samples;
}
