// Which SQLite drivers load on this runtime. Tests run for each, and name the ones that they skip.
import { describe } from '@jest/globals';
import type { SqliteDriver } from '../../src/server/store/sqlite-driver.js';

const DRIVERS: readonly SqliteDriver[] = ['node:sqlite', '@photostructure/sqlite'];

async function loads(driver: string): Promise<boolean> {
  try {
    await import(driver);
    return true;
  } catch {
    return false;
  }
}

export const driversThatLoad: readonly SqliteDriver[] = (
  await Promise.all(DRIVERS.map(async (driver) => ((await loads(driver)) ? [driver] : [])))
).flat();

/** Runs `suite` once for each driver; one that does not load here is reported as skipped. */
export function forEachDriver(suite: (driver: SqliteDriver) => void): void {
  for (const driver of DRIVERS) {
    if (driversThatLoad.includes(driver)) describe(driver, () => suite(driver));
    else describe.skip(`${driver} (skipped: it does not load on Node ${process.versions.node})`, () => suite(driver));
  }
}
