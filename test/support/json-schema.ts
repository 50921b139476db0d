// As much of JSON Schema as this project's schemas use. A keyword that it does not know is an error, not a pass.

export interface Schema {
  readonly [keyword: string]: unknown;
}

const IGNORED = ['$schema', '$defs', 'title', 'description'];

/** @returns what is wrong, each with its place; empty when the value fits */
export function problemsOf(schema: Schema, value: unknown, root: Schema = schema, at = '$'): string[] {
  return Object.entries(schema).flatMap(([keyword, rule]) => {
    switch (keyword) {
      case '$ref':
        return problemsOf(resolve(root, rule as string), value, root, at);
      case 'oneOf': {
        const results = (rule as Schema[]).map((one) => problemsOf(one, value, root, at));
        const fitting = results.filter((problems) => problems.length === 0).length;
        return fitting === 1 ? [] : [`${at}: fits ${fitting} of oneOf`, ...(fitting === 0 ? results.flat() : [])];
      }
      case 'type':
        return isOfType(value, rule as string) ? [] : [`${at}: not ${rule as string}`];
      case 'const':
        return value === rule ? [] : [`${at}: not ${JSON.stringify(rule)}`];
      case 'enum':
        return (rule as unknown[]).includes(value) ? [] : [`${at}: not one of ${JSON.stringify(rule)}`];
      case 'pattern':
        return typeof value !== 'string' || new RegExp(rule as string).test(value) ? [] : [`${at}: pattern`];
      case 'required':
        return (rule as string[])
          .filter((name) => !Object.hasOwn(value as object, name))
          .map((name) => `${at}: no ${name}`);
      case 'items':
        return Array.isArray(value)
          ? value.flatMap((item, i) => problemsOf(rule as Schema, item, root, `${at}[${i}]`))
          : [];
      case 'properties':
        return Object.entries(rule as Record<string, Schema>).flatMap(([name, one]) =>
          isRecord(value) && Object.hasOwn(value, name) ? problemsOf(one, value[name], root, `${at}.${name}`) : [],
        );
      case 'additionalProperties': {
        const known = Object.keys(schema['properties'] ?? {});
        const others = isRecord(value) ? Object.keys(value).filter((name) => !known.includes(name)) : [];
        if (rule === false) return others.map((name) => `${at}: ${name} is not defined`);
        return others.flatMap((name) => problemsOf(rule as Schema, (value as Schema)[name], root, `${at}.${name}`));
      }
      default:
        return IGNORED.includes(keyword) ? [] : [`${at}: the schema has an unknown keyword ${keyword}`];
    }
  });
}

const isRecord = (value: unknown): value is Schema =>
  typeof value === 'object' && value !== null && !Array.isArray(value);

function isOfType(value: unknown, type: string): boolean {
  if (type === 'object') return isRecord(value);
  if (type === 'array') return Array.isArray(value);
  if (type === 'integer') return Number.isInteger(value);
  return typeof value === type;
}

function resolve(root: Schema, reference: string): Schema {
  const name = /^#\/\$defs\/(\w+)$/.exec(reference)?.[1] ?? '';
  const found = (root['$defs'] as Record<string, Schema>)[name];
  if (found === undefined) throw new Error(`the schema has no ${reference}`);
  return found;
}
