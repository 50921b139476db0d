import { generate } from 'selfsigned';

let made: Promise<{ cert: string; key: string }> | undefined;

/** A throwaway certificate for localhost; one for each test file. */
export function testCertificate(): Promise<{ cert: string; key: string }> {
  made ??= Promise.resolve(
    generate([{ name: 'commonName', value: 'localhost' }], { algorithm: 'sha256', keyType: 'ec', curve: 'P-256' }),
  ).then(({ cert, private: key }) => ({ cert, key }));
  return made;
}
