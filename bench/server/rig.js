// The servers that are measured, each in a process of its own on the first core, while this process, the load, takes the
// second. What counts is the CPU time that a server's process needs for a unit of work.
import { spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { cpSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { availableParallelism, tmpdir } from 'node:os';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { generate } from 'selfsigned';

const host = fileURLToPath(new URL('host.js', import.meta.url));
const canPin = availableParallelism() > 1 && spawnSync('taskset', ['-c', '0', 'true']).status === 0;
const SERVER_CORE = '0';
const LOAD_CORE = '1';

const folder = mkdtempSync(path.join(tmpdir(), 'blindsalt-bench-'));
process.on('exit', () => rmSync(folder, { recursive: true, force: true }));
let copies = 0;

/** How processes are spread over cores, for the report. */
export const placement = canPin
  ? 'server pinned to one core, load to another'
  : 'server and load not pinned: no taskset, or one core';

/** Pins this process to the core of the load. */
export function pinLoad() {
  if (canPin) spawnSync('taskset', ['-a', '-p', '-c', LOAD_CORE, String(process.pid)]);
}

/** Certificate and key (P-256) as files, the same for all servers. */
export async function makeCertificate() {
  const made = await generate([{ name: 'commonName', value: 'localhost' }], {
    ...{ algorithm: 'sha256', keyType: 'ec', curve: 'P-256' },
  });
  const files = { certFile: path.join(folder, 'cert.pem'), keyFile: path.join(folder, 'key.pem') };
  writeFileSync(files.certFile, made.cert);
  writeFileSync(files.keyFile, made.private, { mode: 0o600 });
  return files;
}

/** A new folder for this run, or a copy of one. */
export function freshFolder(from) {
  const copy = path.join(folder, `data-${copies++}`);
  if (from !== undefined) cpSync(from, copy, { recursive: true });
  return copy;
}

/** A server in its process. */
export class ServerProcess {
  #child;
  #calls = new Map();
  #nextCall = 0;
  #ended;

  /**
   * Starts a server and waits until it listens.
   * @param kind one of those in host.js
   * @param options what the kind needs, beside certificate
   * @param profileFolder when given, a CPU profile is written there at the end
   */
  static async start(kind, certificate, options = {}, profileFolder = undefined) {
    const server = new ServerProcess();
    await server.#start(kind, { ...certificate, ...options }, profileFolder);
    return server;
  }

  async #start(kind, options, profileFolder) {
    const node = [process.execPath, '--expose-gc', '--disable-warning=ExperimentalWarning'];
    if (profileFolder) node.push('--cpu-prof', `--cpu-prof-dir=${profileFolder}`, `--cpu-prof-name=${kind}.cpuprofile`);
    const all = [...(canPin ? ['taskset', '-c', SERVER_CORE] : []), ...node, host, kind, JSON.stringify(options)];
    this.#child = spawn(all[0], all.slice(1), { stdio: ['ignore', 'inherit', 'inherit', 'ipc'] });
    this.#child.on('message', ({ id, result, error }) => {
      const call = this.#calls.get(id);
      this.#calls.delete(id);
      if (error === undefined) call.resolve(result);
      else call.reject(new Error(`${kind}: ${error}`));
    });
    this.#child.on('exit', (code, signal) => {
      this.#ended = new Error(`the server ${kind} ended with ${code ?? signal}`);
      for (const { reject } of this.#calls.values()) reject(this.#ended);
    });
    Object.assign(this, { kind, ...(await this.call('start')) });
  }

  /** Calls a command of host.js. */
  call(command, value) {
    return new Promise((resolve, reject) => {
      if (this.#ended) return reject(this.#ended);
      const id = this.#nextCall++;
      this.#calls.set(id, { resolve, reject });
      this.#child.send({ id, command, value });
    });
  }

  /** Runs `work` and answers the server's CPU time meanwhile, microseconds. */
  async cpuOf(work) {
    const before = await this.call('cpu');
    await work();
    return (await this.call('cpu')) - before;
  }

  async stop() {
    const exited = once(this.#child, 'exit');
    await this.call('stop').catch(() => {});
    await exited;
  }
}
