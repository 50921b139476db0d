import { watch, type FSWatcher } from 'node:fs';
import path from 'node:path';
import type { SecureContextOptions, Server } from 'node:tls';
import { BlindsaltError } from '../../../proto/index.js';
import { consoleLogger, errorFields, type Logger } from '../logger.js';
import {
  checkLoaded,
  readCertificateFiles,
  stapleOf,
  type CertificateFiles,
  type LoadedCertificate,
  type Staple,
} from './certificate-files.js';

const DEFAULT_POLL_MS = 60_000;
const DEFAULT_DEBOUNCE_MS = 500;
const MAX_TIMER_MS = 2 ** 31 - 1;

export interface WatchOptions extends CertificateFiles {
  /**
   * All other options of the secure context that the server was made with (`ciphers`, `ecdhCurve`, …): a new certificate
   * brings a new context. `minVersion` is TLSv1.3 unless it says otherwise.
   */
  readonly context?: Omit<SecureContextOptions, 'cert' | 'key' | 'passphrase'> | undefined;
  /** Called with what is about to be used; throws when it must not be. */
  readonly check?: ((pair: { readonly cert: string; readonly key: string }) => void) | undefined;
  /** Default: warnings and errors to standard error. */
  readonly logger?: Logger | undefined;
  /** The files are read again so often, whatever the file system tells; milliseconds. Default a minute. */
  readonly pollMs?: number | undefined;
  /** Files that were written are read after so long a rest, milliseconds. Default 500. */
  readonly debounceMs?: number | undefined;
}

export interface CertificateWatch {
  /**
   * Reads the files now, on SIGHUP for example. True: they are in use (they may have been before). False: they cannot be
   * used, which has been logged, and the old ones go on.
   */
  reload(): Promise<boolean>;
  /** Stops watching; the servers go on with what they have. */
  close(): void;
}

type TlsServer = Pick<Server, 'setSecureContext' | 'on' | 'off'>;

/**
 * Gives TLS servers (`https.createServer`, `tls.createServer`) the certificate of these files whenever they change. Open
 * connections live on with the old one, new ones get the new one. Files that cannot be used (unreadable, not a pair, not
 * valid now) leave everything as it is, and are logged as an error. With `ocsp`, its response is stapled while it is of
 * now, says good, and is about this certificate.
 *
 * The servers have a certificate already; it is read once more at once, so that a change meanwhile is not missed.
 *
 * @throws BlindsaltError `option-invalid`
 */
export function watchCertificate(servers: TlsServer | readonly TlsServer[], options: WatchOptions): CertificateWatch {
  return new Watch('setSecureContext' in servers ? [servers] : servers, options);
}

class Watch implements CertificateWatch {
  readonly #servers: readonly TlsServer[];
  readonly #options: WatchOptions;
  readonly #logger: Logger;
  readonly #debounceMs: number;
  readonly #watchers: FSWatcher[] = [];
  readonly #poll: ReturnType<typeof setInterval>;
  #rest: ReturnType<typeof setTimeout> | undefined;
  #inUse: string | undefined;
  /** Files that could not be used, and whether that has been logged. */
  #refused: { readonly digest: string; isLogged: boolean } | undefined;
  #staple: Staple = { response: undefined, problem: 'missing' };
  #reading: Promise<boolean> = Promise.resolve(true);
  #isClosed = false;

  constructor(servers: readonly TlsServer[], options: WatchOptions) {
    checkOptions(servers, options);
    this.#servers = servers;
    this.#options = options;
    this.#logger = options.logger ?? consoleLogger;
    this.#debounceMs = options.debounceMs ?? DEFAULT_DEBOUNCE_MS;
    if (options.ocsp !== undefined) for (const server of servers) server.on('OCSPRequest', this.#onOcspRequest);
    this.#poll = setInterval(() => void this.#read(false), options.pollMs ?? DEFAULT_POLL_MS).unref();
    this.#watchFolders();
    void this.#read(false);
  }

  /** Folders, since files are replaced more often than written. */
  #watchFolders(): void {
    const { cert, key, ca, ocsp } = this.#options;
    const files = [cert, key, ca, ocsp].filter((file) => file !== undefined);
    for (const folder of new Set(files.map((file) => path.dirname(path.resolve(file))))) {
      try {
        const watcher = watch(folder, { persistent: false }, () => this.#soon());
        // A folder that goes away, or a system out of watches: the poll remains.
        watcher.on('error', () => watcher.close());
        this.#watchers.push(watcher);
      } catch (error) {
        this.#logger.warn(errorFields(error), 'certificate files are not watched, only read again from time to time');
      }
    }
  }

  #soon(): void {
    clearTimeout(this.#rest);
    if (!this.#isClosed) this.#rest = setTimeout(() => void this.#read(false), this.#debounceMs).unref();
  }

  reload(): Promise<boolean> {
    return this.#read(true);
  }

  /** One after the other. */
  #read(isAsked: boolean): Promise<boolean> {
    this.#reading = this.#reading.then(() => this.#readNow(isAsked));
    return this.#reading;
  }

  async #readNow(isAsked: boolean): Promise<boolean> {
    if (this.#isClosed) return false;
    let digest = 'unreadable';
    try {
      const loaded = await readCertificateFiles(this.#options);
      ({ digest } = loaded);
      if (digest !== this.#inUse) this.#use(loaded);
      this.#refused = undefined;
      return true;
    } catch (error) {
      this.#refuse(digest, error, isAsked);
      return false;
    }
  }

  #use(loaded: LoadedCertificate): void {
    const { passphrase, context, check, ocsp } = this.#options;
    const { cert, key, ca } = loaded;
    const secureContext: SecureContextOptions = {
      minVersion: 'TLSv1.3',
      ...context,
      cert,
      key,
      ...(ca !== undefined && { ca }),
      ...(passphrase !== undefined && { passphrase }),
    };
    const nowMs = Date.now();
    const leaf = checkLoaded(loaded, secureContext, nowMs);
    check?.({ cert: cert.toString('utf8'), key: key.toString('utf8') });
    if (this.#isClosed) return;
    for (const server of this.#servers) server.setSecureContext(secureContext);
    const isFirst = this.#inUse === undefined;
    this.#inUse = loaded.digest;
    if (!isFirst) this.#logger.info({ validTo: leaf.validTo }, 'certificate loaded anew');
    if (ocsp === undefined) return;
    this.#staple = stapleOf(loaded.ocsp, leaf, nowMs);
    const { problem } = this.#staple as { readonly problem?: string };
    if (problem !== undefined) this.#logger.error({ reason: problem }, 'the OCSP response cannot be stapled');
  }

  /** A pair that is being replaced does not fit for a moment: it gets a second look before anybody is told. */
  #refuse(digest: string, error: unknown, isAsked: boolean): void {
    if (this.#isClosed) return;
    const isKnown = this.#refused?.digest === digest;
    if (!isKnown) this.#refused = { digest, isLogged: false };
    if (!isAsked && !isKnown) return this.#soon();
    if (this.#refused!.isLogged && !isAsked) return;
    this.#refused!.isLogged = true;
    this.#logger.error(errorFields(error), 'the new certificate cannot be used; the old one stays');
  }

  readonly #onOcspRequest = (
    _certificate: Buffer,
    _issuer: Buffer,
    callback: (error: Error | null, response: Buffer) => void,
  ): void => {
    const { response, untilMs } = this.#staple as Partial<{ response: Buffer; untilMs: number }>;
    const isFresh = response !== undefined && Date.now() < untilMs!;
    // null, which the types lack: no staple.
    callback(null, isFresh ? response : (null as unknown as Buffer));
  };

  close(): void {
    this.#isClosed = true;
    clearInterval(this.#poll);
    clearTimeout(this.#rest);
    for (const watcher of this.#watchers) watcher.close();
    for (const server of this.#servers) server.off('OCSPRequest', this.#onOcspRequest);
  }
}

function checkOptions(servers: readonly TlsServer[], options: WatchOptions): void {
  const refuse = (message: string): never => {
    throw new BlindsaltError('option-invalid', message);
  };
  if (servers.length === 0 || !servers.every((server) => typeof server?.setSecureContext === 'function')) {
    refuse('watchCertificate takes a server of node:https or node:tls, or several');
  }
  for (const name of ['cert', 'key', 'ca', 'ocsp'] as const) {
    const file = options[name];
    const isAbsent = file === undefined && (name === 'ca' || name === 'ocsp');
    if (!isAbsent && (typeof file !== 'string' || file === '' || file.includes('-----BEGIN'))) {
      refuse(`${name} must be the name of a file`);
    }
  }
  for (const name of ['pollMs', 'debounceMs'] as const) {
    const value = options[name];
    if (value !== undefined && !(Number.isInteger(value) && value >= 1 && value <= MAX_TIMER_MS)) {
      refuse(`${name} must be milliseconds, at least 1`);
    }
  }
}
