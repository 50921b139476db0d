import { readFile } from 'node:fs/promises';
import { createSecureContext } from 'node:tls';
import type { TemplatedApp } from 'uWebSockets.js';
import { BlindsaltError } from '../../../proto/index.js';
import { refuse } from './uws-checks.js';
import type { SslAppOptions, UwsModule } from './uws-types.js';

/**
 * uWebSockets.js has no option for the lowest TLS version, and this list governs TLS 1.2 only, where it names a suite
 * that needs a pre-shared key, which we have not: what remains is TLS 1.3 with all its suites.
 */
const NO_TLS12_CIPHERS = 'ECDHE-PSK-AES128-CBC-SHA';

const KNOWN: ReadonlySet<string> = new Set<keyof SslAppOptions>([
  'cert_file_name',
  'key_file_name',
  'passphrase',
  'ssl_prefer_low_memory_usage',
]);

/**
 * Loads uWebSockets.js and makes an `SSLApp` that speaks TLS 1.3 only.
 * @throws BlindsaltError `environment-unsupported` (not installed, or its binary does not load on this platform),
 * `option-invalid`, `certificate-invalid`
 */
export async function createSslApp(options: SslAppOptions): Promise<TemplatedApp> {
  checkSslOptions(options);
  await checkCertificate(options);
  const { cert_file_name, key_file_name, passphrase, ssl_prefer_low_memory_usage } = options;
  const { SSLApp } = await loadUws();
  try {
    return SSLApp({
      cert_file_name,
      key_file_name,
      ssl_ciphers: NO_TLS12_CIPHERS,
      ...(passphrase !== undefined && { passphrase }),
      ...(ssl_prefer_low_memory_usage !== undefined && { ssl_prefer_low_memory_usage }),
    });
  } catch (cause) {
    throw new BlindsaltError('certificate-invalid', 'uWebSockets.js cannot use this certificate and key', { cause });
  }
}

/** The module `uWebSockets.js`, or one clear sentence why not. */
async function loadUws(): Promise<UwsModule> {
  let loaded: { readonly default?: Partial<UwsModule> };
  try {
    // Named imports of it would type-check, and fail at run time.
    loaded = await import('uWebSockets.js');
  } catch (cause) {
    const isMissing = ['ERR_MODULE_NOT_FOUND', 'MODULE_NOT_FOUND'].includes((cause as { code?: string })?.code ?? '');
    const reason = isMissing
      ? 'uWebSockets.js is not installed: npm install uNetworking/uWebSockets.js#<tag of its latest release>'
      : `uWebSockets.js has no binary that loads on Node ${process.versions.node}, ${process.platform} ${process.arch}`;
    throw new BlindsaltError('environment-unsupported', reason, { cause });
  }
  const module = loaded.default;
  if (typeof module?.SSLApp !== 'function') {
    throw new BlindsaltError('environment-unsupported', 'the module uWebSockets.js has no SSLApp');
  }
  return module as UwsModule;
}

function checkSslOptions(options: SslAppOptions): void {
  if (typeof options !== 'object' || options === null) refuse('createSslApp takes cert_file_name and key_file_name');
  if ('ca_file_name' in options) {
    refuse('ca_file_name: uWebSockets.js asks for client certificates but enforces none; use blindsalt/server/ws');
  }
  if ('ssl_ciphers' in options) refuse('ssl_ciphers is set by createSslApp: it is what leaves TLS 1.3 only');
  for (const name of Object.keys(options)) if (!KNOWN.has(name)) refuse(`unknown option ${JSON.stringify(name)}`);
  for (const name of ['cert_file_name', 'key_file_name'] as const) {
    if (typeof options[name] !== 'string' || options[name] === '') refuse(`${name} must be the path of a PEM file`);
  }
  if (options.passphrase !== undefined && typeof options.passphrase !== 'string') refuse('passphrase must be a text');
}

/** uWebSockets.js listens without a usable certificate and without a word. */
async function checkCertificate({ cert_file_name, key_file_name, passphrase }: SslAppOptions): Promise<void> {
  try {
    const [cert, key] = await Promise.all([readFile(cert_file_name), readFile(key_file_name)]);
    createSecureContext({ cert, key, ...(passphrase !== undefined && { passphrase }) });
  } catch (cause) {
    const message = 'cert_file_name and key_file_name must be PEM files of a certificate and its key';
    throw new BlindsaltError('certificate-invalid', message, { cause });
  }
}
