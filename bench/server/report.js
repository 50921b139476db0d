// What all server benchmarks print: circumstances, tables, goals.
import { cpus, loadavg } from 'node:os';
import { placement } from './rig.js';

const [loadAtStart] = loadavg();

export const median = (values) => {
  const sorted = [...values].sort((a, b) => a - b);
  const middle = sorted.length >> 1;
  return sorted.length % 2 ? sorted[middle] : (sorted[middle - 1] + sorted[middle]) / 2;
};

export const quantile = (values, share) => {
  const sorted = [...values].sort((a, b) => a - b);
  const at = (sorted.length - 1) * share;
  const below = sorted[Math.floor(at)];
  return below + (sorted[Math.ceil(at)] - below) * (at - Math.floor(at));
};

/**
 * The ratio of two lists of samples, round by round where both took part: a machine that is slow for a while is so for
 * both. Answers the median, and the quartiles as a sign of how sure it is.
 */
export function ratioOf(ones, others) {
  const ratios = ones.map((one, i) => one / others[i]).filter((ratio) => Number.isFinite(ratio));
  return { ratio: median(ratios), low: quantile(ratios, 0.25), high: quantile(ratios, 0.75) };
}

export const nodeMajor = () => process.versions.node.split('.')[0];

/** Date, machine, Node, load. */
export function circumstances() {
  const [{ model }] = cpus();
  return (
    `${new Date().toISOString().slice(0, 10)}, ${model}, ${cpus().length} cores, Node ${process.version}, load average ` +
    `${loadAtStart.toFixed(2)} at the start; ${placement}; TLS 1.3 with a P-256 certificate on loopback`
  );
}

export function table(header, rows) {
  return [header, header.map((_, i) => (i ? '--:' : '---')), ...rows]
    .map((cells) => `| ${cells.join(' | ')} |`)
    .join('\n');
}

export const micro = (value) => (value >= 100 ? Math.round(value).toLocaleString('en-US') : value.toFixed(1));
export const times = (value) => `${value.toFixed(2)}×`;
/** A ratio with its quartiles. */
export const spread = ({ ratio, low, high }) => `${times(ratio)} (${low.toFixed(2)}–${high.toFixed(2)})`;
export const kilobytes = (bytes) => `${(bytes / 1024).toFixed(1)} KiB`;

/** Rows of {what, goal, value, isMet}; `value` is text. */
export function goals(rows) {
  return table(
    ['goal', 'wanted', 'measured', ''],
    rows.map(({ what, goal, value, isMet }) => [what, goal, value, isMet ? 'met' : '**missed**']),
  );
}

/** The versions of Node for which the binary of uWebSockets.js loads here, as a flag and a sentence. */
export async function uwsHere() {
  try {
    await import('uWebSockets.js');
    return { loads: true };
  } catch (error) {
    const [first] = error.message.split('\n');
    return { loads: false, why: `uWebSockets.js does not load on Node ${process.versions.node} here: ${first}` };
  }
}
