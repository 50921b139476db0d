import { spawn } from 'node:child_process';

/** What a client under test is asked to do, once. */
export interface Task {
  /** `resume`: connect again with the ticket of the attempt before, without the password. */
  readonly action: 'signup' | 'login' | 'resume';
  /** `wss://host:port/`. */
  readonly url: string;
  readonly username: string;
  readonly password: string;
}

/** The client under test, as the suite drives it. */
export interface Subject {
  /** Which actions it has; default signup and login. */
  readonly actions?: readonly Task['action'][];
  /**
   * Does what is asked, and resolves when that has come to an end, well or not; rejects only when the client could not even
   * be started. Once it is logged in it stays connected until the server closes, or closes by itself.
   * @param signal aborted when the client is to be stopped
   */
  act(task: Task, signal: AbortSignal): Promise<void>;
}

/**
 * A client that is a program: started anew for each task, with the arguments given, in which `{action}` (`signup`, `login`,
 * `resume`), `{url}` and `{username}` are filled in; the password comes as one line on standard input. It is ended with
 * SIGTERM when a case is over; its exit code does not matter.
 * @param showErrors passes on what it writes to standard error
 */
export function commandSubject(
  command: readonly string[],
  actions?: readonly Task['action'][],
  { showErrors = false }: { readonly showErrors?: boolean } = {},
): Subject {
  const [program, ...rest] = command;
  if (program === undefined) throw new TypeError('the command is empty');
  return {
    ...(actions !== undefined && { actions }),
    act: (task, signal) =>
      new Promise((resolve, reject) => {
        const fill = (text: string): string =>
          text.replace(/\{(action|url|username)\}/g, (_whole, name: 'action' | 'url' | 'username') => task[name]);
        const child = spawn(program, rest.map(fill), { stdio: ['pipe', 'ignore', showErrors ? 'inherit' : 'ignore'] });
        const stop = (): void => void child.kill();
        signal.addEventListener('abort', stop);
        child.on('error', reject);
        child.on('close', () => {
          signal.removeEventListener('abort', stop);
          resolve();
        });
        // A client that leaves without reading is no fault of ours.
        child.stdin.on('error', () => undefined);
        child.stdin.end(`${task.password}\n`);
      }),
  };
}
