// A headless Chromium, spoken to over a pipe by its DevTools protocol: no package is needed for that.
// usage: node browser.js      prints which one that is; exit status 1 where there is none
import { spawn } from 'node:child_process';
import { accessSync, constants, mkdirSync, realpathSync } from 'node:fs';
import { delimiter, join } from 'node:path';
import { fileURLToPath } from 'node:url';

const names = ['chromium-headless-shell', 'chromium', 'chromium-browser', 'google-chrome', 'headless_shell'];

// The program's path; undefined where there is none.
export function findBrowser() {
  const places = process.env.PATH.split(delimiter).flatMap((folder) => names.map((name) => join(folder, name)));
  return [process.env.CHROMIUM, ...places].filter(Boolean).find((path) => {
    try { accessSync(path, constants.X_OK); return true; } catch { return false; }
  });
}

// What may take how long, ms. Longer than a wait of look.js; and a Chromium that starts on a busy machine may never answer.
const answerLimit = 90000, startLimit = 30000, closeLimit = 10000;
const mostStarts = 3;

// The promise's value; an error when it takes longer.
function within(limit, promise, what) {
  let timer;
  const late = new Promise((_, reject) => { timer = setTimeout(() => reject(new Error(`no answer in ${limit / 1000} s: ${what}`)), limit); });
  return Promise.race([promise, late]).finally(() => clearTimeout(timer));
}

// Starts it: { send(method, params), on(event, listener), close() } of one page.
export async function openBrowser(program, profile) {
  for (let start = 1; ; start++) {
    const browser = startBrowser(program, `${profile}-${start}`);
    try {
      return await within(startLimit, browser.openPage(), 'its start');
    } catch (error) {
      browser.kill();
      if (start === mostStarts) throw error;
    }
  }
}

function startBrowser(program, profile) {
  const options = ['--headless', '--no-sandbox', '--disable-gpu', '--disable-dev-shm-usage', '--hide-scrollbars', '--remote-debugging-pipe', `--user-data-dir=${profile}`];
  mkdirSync(profile, { recursive: true });
  const child = spawn(program, options, {
    stdio: ['ignore', 'ignore', 'ignore', 'pipe', 'pipe'],
    env: { ...process.env, TMPDIR: profile },           // in a folder of another user it starts no page and does not say so
    detached: true,                                     // a group, to be ended as one
  });
  const kill = () => { try { process.kill(-child.pid, 'SIGKILL'); } catch { /* it has ended */ } };
  process.once('exit', kill);
  const pending = new Map(), listeners = [];
  let last = 0, rest = '';
  const ended = new Promise((_, reject) => {
    child.on('error', reject);
    child.on('exit', (code, signal) => reject(new Error(`${program} ended: ${signal ?? code}`)));
  });
  ended.catch(() => {});
  child.stdio[3].on('error', () => {});
  child.stdio[4].on('data', (data) => {
    const messages = (rest + data).split('\0');
    rest = messages.pop();
    messages.map((text) => JSON.parse(text)).forEach(({ id, error, result, method, params }) => {
      if (!id) listeners.filter((one) => one.event === method).forEach(({ listener }) => listener(params));
      else if (error) pending.get(id).reject(new Error(error.message));
      else pending.get(id).resolve(result);
    });
  }).setEncoding('utf8');
  const call = (message, limit = answerLimit) => within(limit, Promise.race([ended, new Promise((resolve, reject) => {
    pending.set(++last, { resolve, reject });
    child.stdio[3].write(`${JSON.stringify({ id: last, ...message })}\0`);
  })]), message.method);

  const openPage = async () => {
    const { targetId } = await call({ method: 'Target.createTarget', params: { url: 'about:blank' } });
    const { sessionId } = await call({ method: 'Target.attachToTarget', params: { targetId, flatten: true } });
    return {
      send: (method, params = {}) => call({ method, params, sessionId }),
      on: (event, listener) => listeners.push({ event, listener }),
      close: async () => { await call({ method: 'Browser.close' }, closeLimit).catch(() => {}); kill(); },
    };
  };
  return { openPage, kill };
}

if (realpathSync(process.argv[1]) === fileURLToPath(import.meta.url)) {
  console.log(findBrowser() ?? 'There is no Chromium.');
  process.exit(findBrowser() ? 0 : 1);
}
