/**
 * Copies what the page uses of other people's work out of node_modules into vendor/, with versions and licences, so that it is
 * served as it is. Run it after `npm ci` when a version changed: `npm run vendor`. A test holds vendor/ to the lock file.
 */

import { createHash } from 'node:crypto';
import { mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';

const HERE = new URL('./', import.meta.url);
const FONTS = ['instrument-sans', 'newsreader'];
const SCRIPTS = ['latin', 'latin-ext'];

/** @type {{name: string, licence: string, text: () => string, files: [string, string][]}[]} from → to */
const WANTED = [
  {
    name: 'qrcode-generator',
    licence: 'MIT',
    text: () => `${/\/\/-{5,}[\s\S]*?\/\/-{5,}\n[\s\S]*?\/\/-{5,}/.exec(read('qrcode-generator/dist/qrcode.mjs'))?.[0]}\n\n${MIT}`,
    files: [['dist/qrcode.mjs', 'qrcode.js']],
  },
  ...FONTS.map((font) => ({
    name: `@fontsource-variable/${font}`,
    licence: 'OFL-1.1',
    text: () => read(`@fontsource-variable/${font}/LICENSE`),
    files: SCRIPTS.map((script) => /** @type {[string, string]} */ (
      [`files/${font}-${script}-wght-normal.woff2`, `${font}-${script}.woff2`])),
  })),
];

const MIT = `Permission is hereby granted, free of charge, to any person obtaining a copy of this software and associated documentation
files (the "Software"), to deal in the Software without restriction, including without limitation the rights to use, copy, modify,
merge, publish, distribute, sublicense, and/or sell copies of the Software, and to permit persons to whom the Software is furnished
to do so, subject to the following conditions: The above copyright notice and this permission notice shall be included in all copies
or substantial portions of the Software. THE SOFTWARE IS PROVIDED "AS IS", WITHOUT WARRANTY OF ANY KIND, EXPRESS OR IMPLIED,
INCLUDING BUT NOT LIMITED TO THE WARRANTIES OF MERCHANTABILITY, FITNESS FOR A PARTICULAR PURPOSE AND NONINFRINGEMENT. IN NO EVENT
SHALL THE AUTHORS OR COPYRIGHT HOLDERS BE LIABLE FOR ANY CLAIM, DAMAGES OR OTHER LIABILITY, WHETHER IN AN ACTION OF CONTRACT, TORT
OR OTHERWISE, ARISING FROM, OUT OF OR IN CONNECTION WITH THE SOFTWARE OR THE USE OR OTHER DEALINGS IN THE SOFTWARE.`;

/** Its own types know only the global name. */
const QRCODE_TYPES = `/** What the page uses of qrcode-generator. */
interface QRCode {
  addData(data: string, mode?: 'Byte'): void;
  make(): void;
  getModuleCount(): number;
  isDark(row: number, column: number): boolean;
}
declare function qrcode(type: 0, level: 'L' | 'M' | 'Q' | 'H'): QRCode;
export default qrcode;
`;

/** @param {string} path */
function read(path) {
  return readFileSync(new URL(`node_modules/${path}`, HERE), 'utf8');
}

const vendor = new URL('vendor/', HERE);
rmSync(vendor, { recursive: true, force: true });
mkdirSync(vendor);
/** @type {Record<string, {version: string, licence: string, files: Record<string, string>}>} */
const list = {};
let licences = 'What other people made, and under which terms it is served with the page.\n';
for (const { name, licence, text, files } of WANTED) {
  const { version } = JSON.parse(read(`${name}/package.json`));
  /** @type {Record<string, string>} */
  const sums = {};
  for (const [from, to] of files) {
    const bytes = readFileSync(new URL(`node_modules/${name}/${from}`, HERE));
    writeFileSync(new URL(to, vendor), bytes);
    sums[to] = createHash('sha256').update(bytes).digest('hex');
  }
  list[name] = { version, licence, files: sums };
  licences += `\n\n== ${name} ${version}: ${licence} ==\n\n${text().trim()}\n`;
}
writeFileSync(new URL('vendored.json', vendor), `${JSON.stringify(list, null, 2)}\n`);
writeFileSync(new URL('LICENCES.txt', vendor), licences);
writeFileSync(new URL('qrcode.d.ts', vendor), QRCODE_TYPES);
