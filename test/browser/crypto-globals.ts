// What the suites of test/suites/ use of @jest/globals, for a page: tests are collected here and called one by one.

export interface PageTest {
  readonly name: string;
  readonly skipped: boolean;
  readonly run: () => unknown;
}

export const tests: PageTest[] = [];
const titles: string[] = [];

export function describe(title: string, body: () => void): void {
  titles.push(title);
  body();
  titles.pop();
}

type Body = (...args: never[]) => unknown;

/** As jest does: `%s` takes the arguments in turn, `$name` a property of the only one. */
function titleOf(template: string, row: readonly unknown[]): string {
  const rest = [...row];
  const [first] = row;
  return template
    .replace(/%s/g, () => String(rest.shift()))
    .replace(/\$(\w+)/g, (all, key: string) =>
      typeof first === 'object' && first !== null && key in first ? String(first[key as keyof typeof first]) : all,
    );
}

function add(title: string, run: () => unknown, skipped = false): void {
  tests.push({ name: [...titles, title].join(' › '), skipped, run });
}

export const test = Object.assign((title: string, body: () => unknown) => add(title, body), {
  skip: (title: string, body: () => unknown) => add(title, body, true),
  each: (rows: readonly unknown[]) => (title: string, body: Body) => {
    for (const row of rows) {
      const args = Array.isArray(row) ? (row as unknown[]) : [row];
      add(titleOf(title, args), () => (body as (...values: unknown[]) => unknown)(...args));
    }
  },
});

function show(value: unknown): string {
  const text = JSON.stringify(value, (_key, part: unknown) =>
    typeof part === 'bigint' ? `${part}n` : part instanceof Uint8Array ? [...part] : part,
  );
  return String(text).slice(0, 500);
}

/** Of the same kind and with equal contents, all the way down. */
function isEqual(a: unknown, b: unknown): boolean {
  if (Object.is(a, b)) return true;
  if (typeof a !== 'object' || typeof b !== 'object' || a === null || b === null) return false;
  if (Object.getPrototypeOf(a) !== Object.getPrototypeOf(b)) return false;
  const [keys, others] = [Object.keys(a), Object.keys(b)];
  if (keys.length !== others.length) return false;
  return keys.every((key) => key in b && isEqual(a[key as keyof typeof a], b[key as keyof typeof b]));
}

function throws(body: unknown): boolean {
  try {
    (body as () => unknown)();
    return false;
  } catch {
    return true;
  }
}

interface Matchers {
  toBe(expected: unknown): void;
  toEqual(expected: unknown): void;
  toHaveLength(expected: number): void;
  toBeGreaterThan(expected: number): void;
  toThrow(): void;
}

function matchers(actual: unknown, wanted: boolean): Matchers {
  const check = (holds: boolean, words: string): void => {
    if (holds !== wanted) throw new Error(`${show(actual)} must ${wanted ? '' : 'not '}${words}`);
  };
  return {
    toBe: (expected) => check(Object.is(actual, expected), `be ${show(expected)}`),
    toEqual: (expected) => check(isEqual(actual, expected), `equal ${show(expected)}`),
    toHaveLength: (expected) => check((actual as ArrayLike<unknown>).length === expected, `have length ${expected}`),
    toBeGreaterThan: (expected) => check((actual as number) > expected, `be greater than ${expected}`),
    toThrow: () => check(throws(actual), 'throw'),
  };
}

export function expect(actual: unknown): Matchers & { readonly not: Matchers } {
  return { ...matchers(actual, true), not: matchers(actual, false) };
}
