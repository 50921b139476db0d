/** `blindsalt/server/tls`: certificates that change, OCSP stapling, groups, client certificates; for node's own servers. */
export { watchCertificate, type CertificateWatch, type WatchOptions } from './watch-certificate.js';
export type { CertificateFiles } from './certificate-files.js';
export { hasPostQuantumGroup, keyExchangeGroups, POST_QUANTUM_GROUP } from './groups.js';
export { clientCertificate } from './client-certificate.js';
