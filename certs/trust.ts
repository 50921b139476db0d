import { resolve } from 'node:path';

/** One way to make one program, or one system, trust the development CA. */
export interface TrustInstruction {
  readonly where: string;
  /** For the shell, on one line. */
  readonly command: string;
  /** What the command needs, or how far it reaches. */
  readonly note?: string;
}

export interface TrustSubject {
  readonly caFile: string;
  readonly caName: string;
  readonly spkiSha256: string;
}

/** Quotes a word for POSIX shells unless it needs none. */
function quote(word: string): string {
  return /^[\w@%+=:,./-]+$/.test(word) ? word : `'${word.replaceAll("'", "'\\''")}'`;
}

/** How to trust the development CA: one command for each place. Its key no longer exists, so this trusts one server. */
export function trustInstructions({ caFile, caName, spkiSha256 }: TrustSubject): readonly TrustInstruction[] {
  // Absolute, since the commands may be run from elsewhere.
  const ca = quote(resolve(caFile));
  const add = (database: string): string => `certutil -A -d ${database} -t C,, -n ${quote(caName)} -i ${ca}`;
  return [
    {
      where: 'Chromium and Chrome on Linux',
      command: `mkdir -p "$HOME/.pki/nssdb" && ${add('"sql:$HOME/.pki/nssdb"')}`,
      note: 'certutil is in libnss3-tools (Debian, Ubuntu) or nss-tools (Fedora)',
    },
    {
      where: 'Chromium, one run without any change of the system',
      command: `chromium --user-data-dir="$(mktemp -d)" --ignore-certificate-errors-spki-list=${quote(spkiSha256)}`,
    },
    {
      where: 'Firefox on Linux',
      command: `for profile in "$HOME"/.mozilla/firefox/*.default*; do ${add('"sql:$profile"')}; done`,
      note: 'with Firefox closed; needs certutil too. Elsewhere: Settings, Certificates, Authorities, Import',
    },
    {
      where: 'Node',
      command: `export NODE_EXTRA_CA_CERTS=${ca}`,
      note: 'for what is started from this shell afterwards; read once at the start',
    },
    {
      where: 'macOS (Safari, Chrome)',
      command: `security add-trusted-cert -r trustRoot -k "$HOME/Library/Keychains/login.keychain-db" ${ca}`,
    },
    {
      where: 'Debian and Ubuntu, whole system',
      command: `sudo cp ${ca} /usr/local/share/ca-certificates/blindsalt-development.crt && sudo update-ca-certificates`,
    },
    { where: 'Fedora, whole system', command: `sudo trust anchor ${ca}` },
  ];
}
