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
