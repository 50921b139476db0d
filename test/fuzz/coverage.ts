// Which parts of one script have run, from V8's block counters.
import { Session, type Profiler } from 'node:inspector';

/** Comments that esbuild puts before each module of a bundle. */
const MODULE = /^\/\/ ((?:[\w@.-]+\/)*[\w.-]+\.[cm]?[jt]s)$/gm;

export class Coverage {
  readonly #session = new Session();
  readonly #url: string;
  /** 1: of the product; 2: and has run. */
  readonly #map: Uint8Array;
  readonly #count: Uint32Array;

  /** @param isProduct whether a module's code counts */
  constructor(url: string, source: string, isProduct: (module: string) => boolean) {
    this.#url = url;
    this.#map = new Uint8Array(source.length);
    this.#count = new Uint32Array(source.length);
    const modules = [...source.matchAll(MODULE)];
    modules.forEach((match, i) => {
      if (isProduct(match[1]!)) this.#map.fill(1, match.index, modules[i + 1]?.index ?? source.length);
    });
    this.#session.connect();
    this.#session.post('Profiler.enable');
    this.#session.post('Profiler.startPreciseCoverage', { callCount: true, detailed: true });
  }

  /** Characters of the product's code that have run since the last call of either, and never before. */
  look(): number {
    return this.#fresh(1);
  }

  /** The same, and from now on they have run before. */
  take(): number {
    return this.#fresh(2);
  }

  #fresh(mark: 1 | 2): number {
    let fresh = 0;
    for (const { ranges } of this.#functions()) {
      const [whole] = ranges;
      if (whole === undefined || whole.count === 0) continue;
      // Outer ranges come first; inner ones say what is different in them.
      for (const { startOffset, endOffset, count } of ranges) this.#count.fill(count, startOffset, endOffset);
      for (let at = whole.startOffset; at < whole.endOffset; at++) {
        if (this.#map[at] === 1 && this.#count[at]! > 0) {
          this.#map[at] = mark;
          fresh += 1;
        }
      }
    }
    return fresh;
  }

  /** Of the product's code that was run at all, by characters. */
  get share(): number {
    let all = 0;
    let run = 0;
    for (const mark of this.#map) {
      if (mark > 0) all += 1;
      if (mark === 2) run += 1;
    }
    return all === 0 ? 0 : run / all;
  }

  close(): void {
    this.#session.post('Profiler.stopPreciseCoverage');
    this.#session.disconnect();
  }

  /** With the counters of all functions set back. An inner function comes behind the one that it is in. */
  #functions(): readonly Profiler.FunctionCoverage[] {
    let found: readonly Profiler.FunctionCoverage[] = [];
    // In the same thread the answer is there when `post` returns.
    this.#session.post('Profiler.takePreciseCoverage', (error, { result }) => {
      if (error) throw error;
      found = result.find(({ url }) => url === this.#url)?.functions ?? [];
    });
    return found;
  }
}
