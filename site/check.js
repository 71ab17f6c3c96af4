// Does every link of the built site lead somewhere? Pages, anchors, images, files; and does the navigation reach every page?
// Prints what does not; exit status 1 if there is something. What lies on other hosts is not asked for.
// usage: node check.js FOLDER
import { existsSync, readFileSync, readdirSync } from 'node:fs';
import { join } from 'node:path';

const [folder] = process.argv.slice(2);
const pages = new Map(readdirSync(folder, { recursive: true }).filter((name) => name.endsWith('.html')).map((name) => [name, readFileSync(join(folder, name), 'utf8')]));
const unescape = (text) => text.replaceAll('&quot;', '"').replaceAll('&#39;', "'").replaceAll('&lt;', '<').replaceAll('&gt;', '>').replaceAll('&amp;', '&');
const values = (html, names) => [...html.matchAll(new RegExp(`<[a-z][^<>]*?\\s(?:${names})="([^"]*)"`, 'g'))].map(([, value]) => unescape(value));

const host = 'http://site';
const base = values(pages.get('index.html') ?? '', 'href').find((href) => /\/assets\/style\.[^/]*css$/.test(href))?.replace(/assets\/[^/]*$/, '') ?? '/';
const nameOf = (path) => path.slice(base.length).replace(/(^|\/)$/, '$1index.html');
const anchors = new Map([...pages].map(([name, html]) => [name, new Set(values(html, 'id'))]));

function faultOf(name, link) {
  if (!URL.canParse(link, `${host}${base}${name}`)) return 'is no address';
  const { origin, pathname, hash } = new URL(link, `${host}${base}${name}`);
  if (origin !== host) return undefined;
  if (!pathname.startsWith(base)) return `lies outside of ${base}`;
  const target = nameOf(decodeURIComponent(pathname));
  if (!existsSync(join(folder, target))) return 'is not there';
  if (hash && pages.has(target) && !anchors.get(target).has(decodeURIComponent(hash.slice(1)))) return 'has no such anchor';
  return undefined;
}

const faults = [];
let links = 0;
for (const [name, html] of pages) {
  for (const link of new Set(values(html, 'href|src'))) {
    const fault = faultOf(name, link);
    links++;
    if (fault) faults.push(`${name}: ${link} ${fault}`);
  }
}
const reached = new Set(values(pages.get('index.html') ?? '', 'href').filter((href) => href.startsWith(base)).map((href) => nameOf(href.replace(/#.*/, ''))));
for (const name of pages.keys()) {
  if (!reached.has(name) && name !== '404.html') faults.push(`${name}: README's table of the manual does not list it`);
}
if (pages.size < 2) faults.push(`${folder}: there are no pages`);

console.log(faults.length > 0 ? faults.join('\n') : `${pages.size} pages, ${links} links`);
process.exit(faults.length > 0 ? 1 : 0);
