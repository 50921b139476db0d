import { afterAll, beforeAll, describe, expect, jest, test } from '@jest/globals';
import { spawn, spawnSync } from 'node:child_process';
import { readdirSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import path from 'node:path';
import { BlindsaltError } from '../../proto/index.js';
import { EXIT } from '../../src/cli/exit-codes.js';
import { reportFailure } from '../../src/cli/output.js';
import { blindsalt, serve, temporaryFolder, type Finished, type RunningServer } from '../support/cli.js';

// Real processes, which share the machine with the other tests.
jest.setTimeout(90_000);

const bin = fileURLToPath(new URL('../../bin/blindsalt.js', import.meta.url));
const driver = fileURLToPath(new URL('../support/terminal.py', import.meta.url));
const PASSWORD = 'correct horse battery';

const python = spawnSync('python3', ['-c', 'import pty']).status === 0;
const onTerminal = python ? test : test.skip;

/** Runs the command on a pseudo-terminal; each step waits for a text, then types another. */
function terminal(
  steps: readonly (readonly [string, string])[],
  args: readonly string[],
  watch: (shown: string) => void = () => undefined,
  env: Record<string, string> = {},
): Promise<{ code: number | null; shown: string }> {
  return new Promise((resolve, reject) => {
    const child = spawn('python3', [driver, JSON.stringify(steps), process.execPath, bin, ...args], {
      env: { ...process.env, NODE_OPTIONS: '', TERM: 'xterm', ...env },
    });
    let shown = '';
    child.stdout.setEncoding('utf8').on('data', (text: string) => {
      shown += text;
      watch(shown);
    });
    child.on('error', reject);
    child.on('close', (code) => resolve({ code, shown }));
  });
}

test('--verbose: causes drive no terminal and begin no line', () => {
  const written: string[] = [];
  const { isTTY } = process.stderr;
  const write = jest.spyOn(process.stderr, 'write').mockImplementation((text) => {
    written.push(String(text));
    return true;
  });
  process.stderr.isTTY = true;
  try {
    const cause = new Error('one\nblindsalt: two\u001b[2J');
    reportFailure(new BlindsaltError('connection-failed', undefined, { cause }), { json: false, verbose: true });
  } finally {
    process.stderr.isTTY = isTTY;
    write.mockRestore();
  }
  const text = written.join('');
  expect(text).toContain('Error: one\n    blindsalt: two\\u{1b}[2J\n');
  expect(text).not.toContain('\u001b');
});

describe(python ? 'on a terminal' : 'on a terminal (skipped: no python3 with pty here)', () => {
  const folder = temporaryFolder();
  let server: RunningServer;

  beforeAll(async () => {
    server = await serve(path.join(folder.path, 'data'));
  });
  afterAll(async () => {
    await server.stop();
    folder.remove();
  });
  const args = (command: string, name: string): string[] => [command, server.url, name, '--ca', server.ca];

  onTerminal('signup asks twice and shows nothing of it', async () => {
    const steps = [
      ['Password for alice:', `${PASSWORD}\r`],
      ['Repeat the password:', `${PASSWORD}\r`],
    ] as const;
    const { code, shown } = await terminal(steps, args('signup', 'alice'));
    expect(shown).toContain('alice');
    expect(shown).not.toContain('correct');
    expect(code).toBe(EXIT.ok);
  });

  onTerminal('signup refuses two different passwords', async () => {
    const steps = [
      ['Password for bob:', `${PASSWORD}\r`],
      ['Repeat the password:', 'something else\r'],
    ] as const;
    const { code, shown } = await terminal(steps, args('signup', 'bob'));
    expect(shown).toContain('password-invalid');
    expect(code).toBe(EXIT.refused);
  });

  onTerminal('login sends lines, prints frames, and Ctrl-D closes', async () => {
    await blindsalt([...args('signup', 'carol'), '--password-stdin'], { input: PASSWORD });
    const steps = [
      ['Password for carol:', `${PASSWORD}\r`],
      ['Logged in as carol', 'first line\r'],
      ['carol: first line', 'second line\r'],
      ['carol: second line', '\u0004'],
    ] as const;
    const { code, shown } = await terminal(steps, args('login', 'carol'));
    expect(shown).not.toContain('correct');
    expect(shown).toContain('carol: second line');
    expect(code).toBe(EXIT.ok);
  });

  onTerminal('Ctrl-C ends the session, too, and the command as a signal does', async () => {
    await blindsalt([...args('signup', 'gina'), '--password-stdin'], { input: PASSWORD });
    const steps = [
      ['Password for gina:', `${PASSWORD}\r`],
      ['Logged in as gina', 'a line\r'],
      ['gina: a line', '\u0003'],
    ] as const;
    const { code, shown } = await terminal(steps, args('login', 'gina'));
    expect(shown).not.toContain('blindsalt:');
    // By SIGINT, as the driver tells it.
    expect(code).toBe(256 - 2);
    const { stdout } = await blindsalt(['sessions', 'list', 'gina', '--json', '--data', server.data]);
    expect(JSON.parse(stdout)).toEqual([]);
  });

  onTerminal('--remember: Ctrl-C lets the next process have the session', async () => {
    await blindsalt([...args('signup', 'henry'), '--password-stdin'], { input: PASSWORD });
    const env = { XDG_STATE_HOME: path.join(folder.path, 'state') };
    const sessions = path.join(env.XDG_STATE_HOME, 'blindsalt', 'sessions');
    const steps = [
      ['Password for henry:', `${PASSWORD}\r`],
      ['Logged in as henry', 'a line\r'],
      ['henry: a line', '\u0003'],
    ] as const;
    let whileOpen: readonly string[] = [];
    const watch = (shown: string): void => {
      if (whileOpen.length === 0 && shown.includes('Logged in as henry')) whileOpen = readdirSync(sessions).sort();
    };
    expect(await terminal(steps, [...args('login', 'henry'), '--remember'], watch, env)).toMatchObject({
      code: 256 - 2,
    });
    expect(whileOpen).toEqual([expect.stringMatching(/\.json$/), expect.stringMatching(/\.json\.lock$/)]);
    expect(readdirSync(sessions)).toEqual([whileOpen[0]]);
  });

  onTerminal('when the server stops, login says so and ends', async () => {
    const other = await serve(path.join(folder.path, 'other'));
    const where = [other.url, 'erin', '--ca', other.ca];
    await blindsalt(['signup', ...where, '--password-stdin'], { input: PASSWORD });
    let stopped: Promise<Finished> | undefined;
    const { code, shown } = await terminal(
      [
        ['Password for erin:', `${PASSWORD}\r`],
        ['Logged in as erin', 'a line\r'],
      ],
      ['login', ...where],
      (seen) => {
        if (seen.includes('erin: a line')) stopped ??= other.stop();
      },
    );
    expect(shown).toContain('connection-closed');
    expect(shown).toContain('1001');
    expect(code).toBe(EXIT.connectionFailed);
    expect(await stopped).toMatchObject({ code: 0 });
  });

  onTerminal.each([
    ['Ctrl-C', '\u0003'],
    ['Ctrl-D', '\u0004'],
  ])('%s at the prompt: nothing happens', async (_name, key) => {
    const { code, shown } = await terminal([['Password for alice:', key]], args('login', 'alice'));
    expect(shown).toContain('aborted');
    expect(code).toBe(EXIT.interrupted);
  });

  onTerminal('what others write does not drive the terminal', async () => {
    const hostile = '\u001b]0;owned\u0007\u001b[2Jhidden\u202etext';
    await blindsalt([...args('signup', 'mallory'), '--password-stdin'], { input: PASSWORD });
    const { shown } = await terminal(
      [['Password for mallory:', `${PASSWORD}\r`]],
      [...args('login', 'mallory'), '--send', hostile],
    );
    expect(shown).toContain('mallory: \\u{1b}]0;owned\\u{7}\\u{1b}[2Jhidden\\u{202e}text');
    expect(shown).not.toContain('\u001b]0;owned');
  });

  onTerminal('a message cannot forge a line of somebody else', async () => {
    await blindsalt([...args('signup', 'trudy'), '--password-stdin'], { input: PASSWORD });
    const { shown } = await terminal(
      [['Password for trudy:', `${PASSWORD}\r`]],
      [...args('login', 'trudy'), '--send', 'hi\nalice: yes\r\u0085bob: no\u2028eve:\u2029\u061c\u200e\u200f!'],
    );
    expect(shown).toContain(
      'trudy: hi\\u{a}alice: yes\\u{d}\\u{85}bob: no\\u{2028}eve:\\u{2029}\\u{61c}\\u{200e}\\u{200f}!',
    );
  });

  onTerminal('signup --invite - asks for the code', async () => {
    const steps = [
      ['Code:', 'not a code\r'],
      ['Password for frank:', `${PASSWORD}\r`],
      ['Repeat the password:', `${PASSWORD}\r`],
    ] as const;
    const { code, shown } = await terminal(steps, [...args('signup', 'frank'), '--invite', '-']);
    expect(shown).toContain('invite-invalid');
    expect(code).toBe(EXIT.refused);
  });
});
