// Unpacks the Chromium that lies in the npm package @sparticuz/chromium to build/chromium/, once, and prints that folder.
// With it come the shared libraries that a bare machine lacks (al2023/lib) and fonts. Nothing is downloaded.
import { existsSync, mkdirSync, mkdtempSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import path from 'node:path';

const root = path.dirname(path.dirname(fileURLToPath(import.meta.url)));
const { version } = JSON.parse(readFileSync(path.join(root, 'node_modules/@sparticuz/chromium/package.json'), 'utf8'));
const folder = path.join(root, 'build/chromium', version);

if (!existsSync(folder)) {
  mkdirSync(path.dirname(folder), { recursive: true });
  const unfinished = mkdtempSync(`${folder}-`);
  // The package unpacks into the temporary folder, and its libraries only where it believes to be on Lambda.
  process.env.TMPDIR = unfinished;
  process.env.AWS_LAMBDA_JS_RUNTIME = 'nodejs20.x';
  const { default: chromium } = await import('@sparticuz/chromium');
  try {
    await chromium.executablePath();
    const fonts = `<fontconfig><dir>${folder}/fonts</dir><cachedir>${folder}/fonts-cache</cachedir></fontconfig>`;
    writeFileSync(path.join(unfinished, 'fonts.conf'), `<?xml version="1.0"?>\n${fonts}\n`);
    renameSync(unfinished, folder);
  } catch (error) {
    // Another process may have been quicker.
    rmSync(unfinished, { recursive: true, force: true });
    if (!existsSync(folder)) throw error;
  }
}
process.stdout.write(folder);
