// Looks at the built site in a headless Chromium, as a phone and as a desktop show it: does a page go beyond the window's width, does
// a script fail, is another host asked, do menu and search lead where they should? Prints what is wrong; exit status 1 if something is.
// usage: node look.js FOLDER SCRATCH [PICTURES [PAGE …]]
// (SCRATCH: a folder for what Chromium writes; PICTURES: for pictures of some pages, '' for none; PAGE: only these pages, not menu and search)
import { mkdirSync, readdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { findBrowser, openBrowser } from './browser.js';
import { serve } from './serve.js';

const [folder, scratch, pictures, ...only] = process.argv.slice(2);
const program = findBrowser();
if (!program) {
  console.log('There is no Chromium: chromium-headless-shell of Debian, or CHROMIUM=/path/to/it.');
  process.exit(1);
}
const sizes = { phone: { width: 390, height: 844, mobile: true }, desktop: { width: 1280, height: 900, mobile: false } };
const shown = { 'index.html': 'start', 'doc/howto/projections.html': 'howto', 'doc/reference/requests.html': 'reference', 'doc/explanation/alternatives.html': 'alternatives' };
// What somebody may look for, and the page that must be among the first results.
const searches = {
  gap_timeout_ms: 'doc/howto/follow.html',
  dynamodb_es_follow: 'doc/reference/functions.html',
  credential_process: 'doc/explanation/security.html',
  'expired credentials': 'doc/howto/troubleshooting.html',
};
const resultsSeen = 6;

for (const signal of ['SIGINT', 'SIGTERM']) process.on(signal, () => process.exit(1));     // with the browser, see there
const server = await serve(folder);
const base = `http://127.0.0.1:${server.address().port}/`;
const browser = await openBrowser(program, join(scratch, 'chromium'));
const faults = [];
let where = '';
const fault = (text) => faults.push(`${where}: ${text}`);

const run = async (expression) => {
  const { result, exceptionDetails } = await browser.send('Runtime.evaluate', { expression, awaitPromise: true, returnByValue: true });
  if (exceptionDetails) throw new Error(`${expression}: ${exceptionDetails.exception?.description ?? exceptionDetails.text}`);
  return result.value;
};
// Waits for a condition of the page, a minute at most.
const until = async (condition, what) => {
  const seen = await run(`new Promise((resolve) => {
    const end = Date.now() + 60000;
    const look = () => (${condition}) ? resolve(true) : Date.now() > end ? resolve(false) : setTimeout(look, 20);
    look();
  })`);
  if (!seen) throw new Error(`waited for nothing: ${what}`);
};
const isShown = (selector) => `document.querySelector(${JSON.stringify(selector)})?.checkVisibility()`;
const click = async (selector) => {
  await until(isShown(selector), selector);
  await run(`document.querySelector(${JSON.stringify(selector)}).click()`);
};
const resize = (size) => browser.send('Emulation.setDeviceMetricsOverride', { deviceScaleFactor: 1, ...sizes[size] });
const picture = async (name) => {
  if (!pictures) return;
  await run('Promise.all(document.getAnimations().map(({ finished }) => finished))');
  const { data } = await browser.send('Page.captureScreenshot', { format: 'png' });
  writeFileSync(join(pictures, `${name}.png`), Buffer.from(data, 'base64'));
};
// A page that Vue has taken over: its buttons work.
const open = async (page) => {
  where = page;
  await browser.send('Page.navigate', { url: base + page });
  await until(`location.href === ${JSON.stringify(base + page)} && document.readyState === 'complete' && document.querySelector('#app')?.__vue_app__ && document.fonts.status === 'loaded'`, 'the page');
};

async function lookAtPage(page) {
  await open(page);
  for (const size of Object.keys(sizes)) {
    await resize(size);
    where = `${page}, ${size}`;
    const { width, beyond } = await run(`({ width: document.scrollingElement.scrollWidth, beyond: document.scrollingElement.scrollWidth > innerWidth })`);
    if (beyond) fault(`it is ${width} pixels wide`);
    if (!await run(`[...document.images].every((image) => image.complete && image.naturalWidth > 0)`)) fault('a picture is missing');
    if (!await run(isShown('h1'))) fault('no heading is to be seen');
    if (shown[page]) await picture(`${shown[page]}-${size}`);
  }
}

async function lookAtMenu(size) {
  await resize(size);
  await open('index.html');
  where = `the menu, ${size}`;
  if (size === 'phone') await click('.VPLocalNav button.menu');
  await until(`${isShown('.VPSidebar a')} && document.querySelector('.VPSidebar').getBoundingClientRect().left === 0`, 'the menu');
  await picture(`menu-${size}`);
  await click('.VPSidebar a[href$="/doc/howto/projections.html"]');
  await until(`location.pathname.endsWith('/doc/howto/projections.html') && document.querySelector('h1')?.textContent.startsWith('Projections')`, 'the page chosen');
  if (size === 'phone') await until(`!document.querySelector('.VPSidebar').classList.contains('open')`, 'the menu to close');
}

async function lookAtSearch(size) {
  await resize(size);
  await open('index.html');
  where = `the search, ${size}`;
  await click('#local-search button');
  await until(isShown('.VPLocalSearchBox input'), 'the field');
  for (const [words, page] of Object.entries(searches)) {
    await run(`{ const field = document.querySelector('.VPLocalSearchBox input'); field.value = ${JSON.stringify(words)}; field.dispatchEvent(new Event('input')); }`);
    await until(`[...document.querySelectorAll('.VPLocalSearchBox .result')].slice(0, ${resultsSeen}).some((result) => new URL(result.href).pathname === '/${page}')`, `${page} for "${words}"`);
  }
  await picture(`search-${size}`);
  const last = Object.values(searches).at(-1);
  await click(`.VPLocalSearchBox .result[href*="/${last}"]`);
  await until(`location.pathname === '/${last}' && !document.querySelector('.VPLocalSearchBox')`, 'the page found');
}

await browser.send('Page.enable');
await browser.send('Runtime.enable');
await browser.send('Network.enable');
browser.on('Runtime.exceptionThrown', ({ exceptionDetails }) => fault(`a script fails: ${exceptionDetails.exception?.description ?? exceptionDetails.text}`));
browser.on('Runtime.consoleAPICalled', ({ type, args }) => { if (type === 'error' || type === 'warning') fault(`${type}: ${args.map(({ value, description }) => value ?? description).join(' ')}`); });
browser.on('Network.requestWillBeSent', ({ request }) => { if (!request.url.startsWith(base) && !request.url.startsWith('data:')) fault(`it asks ${request.url}`); });
browser.on('Network.responseReceived', ({ response }) => { if (response.status >= 400 && !response.url.endsWith('/favicon.ico')) fault(`${response.status} for ${response.url}`); });
if (pictures) mkdirSync(pictures, { recursive: true });

const built = readdirSync(folder, { recursive: true }).filter((name) => name.endsWith('.html') && name !== '404.html').sort();
const pages = only.length > 0 ? only : built;
const looks = pages.map((page) => () => lookAtPage(page));
if (only.length === 0) {
  for (const size of Object.keys(sizes)) looks.push(() => lookAtMenu(size), () => lookAtSearch(size));
  for (const name of Object.keys(shown)) if (!built.includes(name)) faults.push(`${name} is not there`);
}
try {
  for (const look of looks) await look().catch((error) => fault(error.message));
} finally {
  await browser.close();
  server.close();
}
console.log(faults.length > 0 ? faults.join('\n') : `${pages.length} pages at ${Object.keys(sizes).length} widths${only.length > 0 ? '' : ', menu and search'}`);
process.exit(faults.length > 0 ? 1 : 0);
