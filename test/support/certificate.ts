import { generate } from 'selfsigned';

export interface TestPair {
  readonly cert: string;
  readonly key: string;
}

let made: Promise<TestPair> | undefined;

/** A throwaway certificate for localhost; one for each test file. */
export function testCertificate(): Promise<TestPair> {
  made ??= selfSigned();
  return made;
}

/** Another one each time, for localhost, with the organization as its mark. */
export async function selfSigned(organization?: string): Promise<TestPair> {
  const names = [{ name: 'commonName', value: 'localhost' }];
  if (organization !== undefined) names.push({ name: 'organizationName', value: organization });
  const { cert, private: key } = await generate(names, { algorithm: 'sha256', keyType: 'ec', curve: 'P-256' });
  return { cert, key };
}

export interface TestAuthority {
  readonly cert: string;
  /** A certificate for a client, or for a server at localhost. */
  issue(commonName: string): Promise<TestPair>;
}

/** A certificate authority of its own. */
export async function testAuthority(name: string): Promise<TestAuthority> {
  const common = { algorithm: 'sha256', keyType: 'ec', curve: 'P-256' } as const;
  const ca = await generate([{ name: 'commonName', value: name }], {
    ...common,
    extensions: [
      { name: 'basicConstraints', cA: true, critical: true },
      { name: 'keyUsage', keyCertSign: true, critical: true },
    ],
  });
  return {
    cert: ca.cert,
    async issue(commonName) {
      const issued = await generate([{ name: 'commonName', value: commonName }], {
        ...common,
        ca: { key: ca.private, cert: ca.cert },
        extensions: [{ name: 'subjectAltName', altNames: [{ type: 2, value: 'localhost' }] }],
      });
      return { cert: issued.cert, key: issued.private };
    },
  };
}
