// Rewrites a WebAssembly module so that it records what must not depend on secrets: the condition of every branch and
// select, the address of every load and store, the arguments of bulk memory operations, and the operands of divisions.
// All of them run, in order, through one 64-bit hash that the module exports as `trace`.
import binaryen from 'binaryen';

type Node = string | Node[];

/** Parses the text format into nested lists; strings (data segments) stay whole. */
function parse(text: string): Node[] {
  const stack: Node[][] = [[]];
  const token = /;;[^\n]*|"(?:[^"\\]|\\.)*"|[()]|[^\s()"]+/g;
  for (const [piece] of text.matchAll(token)) {
    if (piece.startsWith(';;')) continue;
    if (piece === '(') stack.push([]);
    else if (piece === ')') {
      const done = stack.pop()!;
      stack.at(-1)!.push(done);
    } else stack.at(-1)!.push(piece);
  }
  return stack[0]!;
}

function print(node: Node): string {
  return typeof node === 'string' ? node : `(${node.map(print).join(' ')})`;
}

const MEMORY_ACCESS = /^(?:[if](?:32|64)|v128)\.(?:load|store)/;
const DIVISION = /^i(32|64)\.(?:div|rem)_[su]$/;
/** What could be recorded, but has no place in the core. */
const UNWANTED = /^f(?:32|64)(?:x[24])?\.(?:div|sqrt)$|^call_indirect$/;

export interface Counts {
  branches: number;
  addresses: number;
  /** Instructions whose own time depends on their operands. */
  divisions: number;
}

const isExpression = (node: Node): node is Node[] =>
  Array.isArray(node) && node[0] !== 'result' && node[0] !== 'then' && node[0] !== 'else';

/** Wraps operands into calls of the recorder, from the inside out. */
function instrument(node: Node, counts: Counts): Node {
  if (typeof node === 'string') return node;
  const list = node.map((child) => instrument(child, counts));
  const [head] = list;
  if (typeof head !== 'string') return list;
  const operands = list.map((child, i) => (i > 0 && isExpression(child) ? i : -1)).filter((i) => i > 0);
  const record = (index: number | undefined, recorder = '$record'): void => {
    if (index === undefined) throw new Error(`no operand to record in ${print(list).slice(0, 80)}`);
    list[index] = ['call', recorder, list[index]!];
  };
  if (head === 'if') {
    counts.branches++;
    record(operands[0]);
  } else if (head === 'br_if' || head === 'br_table' || head === 'select') {
    counts.branches++;
    record(operands.at(-1));
  } else if (head === 'memory.copy' || head === 'memory.fill') {
    counts.addresses++;
    // For memory.fill, the value filled in is data.
    for (const index of head === 'memory.fill' ? [operands[0], operands[2]] : operands) record(index);
  } else if (MEMORY_ACCESS.test(head)) {
    counts.addresses++;
    record(operands[0]);
  } else if (DIVISION.test(head)) {
    counts.divisions++;
    for (const index of operands) record(index, head.startsWith('i64') ? '$recordLong' : '$record');
  } else if (UNWANTED.test(head)) {
    throw new Error(`the core must not use ${head}`);
  }
  return list;
}

export interface Traced {
  readonly module: WebAssembly.Module;
  readonly counts: Counts;
}

export function traced(wasm: Uint8Array): Traced {
  const original = binaryen.readBinary(wasm);
  const text = original.emitText();
  original.dispose();
  const [root] = parse(text) as [Node[]];
  const counts: Counts = { branches: 0, addresses: 0, divisions: 0 };
  const fields = root.map((field) => (Array.isArray(field) && field[0] === 'func' ? instrument(field, counts) : field));
  const recorder = parse(`
    (global $trace (mut i64) (i64.const 0))
    (export "trace" (global $trace))
    (func $record (param $value i32) (result i32)
      (global.set $trace
        (i64.mul
          (i64.add (i64.rotl (global.get $trace) (i64.const 23)) (i64.extend_i32_u (local.get $value)))
          (i64.const 0x9e3779b97f4a7c15)))
      (local.get $value))
    (func $recordLong (param $value i64) (result i64)
      (drop (call $record (i32.wrap_i64 (local.get $value))))
      (drop (call $record (i32.wrap_i64 (i64.shr_u (local.get $value) (i64.const 32)))))
      (local.get $value))`);
  const rewritten = binaryen.parseText(print([...fields, ...recorder]));
  rewritten.setFeatures(binaryen.Features.All);
  if (!rewritten.validate()) throw new Error('the rewritten module is not valid');
  const binary = rewritten.emitBinary();
  rewritten.dispose();
  return { module: new WebAssembly.Module(binary as BufferSource), counts };
}
