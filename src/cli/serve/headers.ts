/** Name of the one Trusted Types policy of the page: it makes the worker's URL. */
export const TRUSTED_TYPES_POLICY = 'blindsalt';

/**
 * Headers of every answer. `target` is the `host:port` under which the page was asked for: the only place beside the
 * page's own origin that it may connect to. `hsts` is off for development: localhost belongs to other servers too.
 */
export function securityHeaders({
  target,
  hsts,
}: {
  readonly target: string;
  readonly hsts: boolean;
}): Record<string, string> {
  const policy = [
    "default-src 'none'",
    "script-src 'self' 'wasm-unsafe-eval'",
    "worker-src 'self'",
    // A source cannot be an IPv6 address; there `'self'` has to do, which covers wss in current browsers.
    target.startsWith('[') ? "connect-src 'self'" : `connect-src 'self' wss://${target}`,
    "style-src 'self'",
    "img-src 'self'",
    "object-src 'none'",
    "base-uri 'none'",
    "form-action 'none'",
    "frame-ancestors 'none'",
    "require-trusted-types-for 'script'",
    `trusted-types ${TRUSTED_TYPES_POLICY}`,
  ];
  return {
    'Content-Security-Policy': policy.join('; '),
    'X-Content-Type-Options': 'nosniff',
    'Cache-Control': 'no-store',
    'Referrer-Policy': 'no-referrer',
    'Cross-Origin-Opener-Policy': 'same-origin',
    'Cross-Origin-Embedder-Policy': 'require-corp',
    'Cross-Origin-Resource-Policy': 'same-origin',
    'Permissions-Policy': 'camera=(), display-capture=(), geolocation=(), microphone=(), payment=(), usb=()',
    ...(hsts && { 'Strict-Transport-Security': 'max-age=31536000' }),
  };
}
