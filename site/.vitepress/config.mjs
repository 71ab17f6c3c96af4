// The site of the manual: the pages as they are in the tree, in the order in which README lists them.
import { copyFileSync, existsSync, mkdirSync, readFileSync } from 'node:fs';
import { dirname, extname, join, relative, resolve } from 'node:path';
import { fileURLToPath } from 'node:url';
import { defineConfig } from 'vitepress';

const site = fileURLToPath(new URL('..', import.meta.url)).replace(/\/$/, '');
const top = dirname(site);
const readme = readFileSync(join(top, 'README.md'), 'utf8');

// README's tables of the manual are the navigation: the head of a table names a group, the links in its first column are the pages.
function groupsOfManual() {
  const manual = readme.slice(readme.indexOf('\n## The manual\n'), readme.indexOf('\n## Licence\n'));
  const links = (text) => [...text.matchAll(/\[([^\]]+)\]\(([^)#]+\.md)\)/g)].map(([, text, page]) => ({ text: text[0].toUpperCase() + text.slice(1), link: `/${page}` }));
  const groups = [];
  for (const line of manual.split('\n')) {
    const first = line.startsWith('|') ? line.split('|')[1].trim() : '';
    if (/^To /.test(first)) groups.push({ text: first, items: [] });
    else if (first) groups.at(-1)?.items.push(...links(first));
  }
  return groups;
}
const sidebar = [
  { items: [{ text: 'Start', link: '/' }, { text: 'Tutorial', link: '/doc/tutorial.md' }] },
  ...groupsOfManual(),
  {
    text: 'The project',
    items: [
      { text: 'Changes', link: '/CHANGELOG.md' }, { text: 'Contributing', link: '/CONTRIBUTING.md' },
      { text: 'Architecture', link: '/doc/architecture.md' }, { text: 'Measurements', link: '/bench/results.md' },
      { text: 'Report a vulnerability', link: '/SECURITY.md' },
    ],
  },
];

// The pages have GitHub's anchors, since that is where they are read, too.
const anchorOf = (heading) => heading.trim().toLowerCase().replace(/[^\p{L}\p{N}\p{M}_ -]/gu, '').replace(/ /g, '-');

// README is the first page. A link to a file that is no page, such as LICENSE, gets a copy of that file.
const files = new Map();
function hrefOnSite(href, page) {
  if (/^[a-z]+:|^#/.test(href)) return href;
  if (/\.md(#|$)/.test(href)) return href.replace(/(^|\/)README\.md/, '$1index.md');
  const file = relative(top, resolve(top, dirname(page), href));
  if (!existsSync(join(top, file))) return href;
  const name = extname(file) ? file : `${file}.txt`;
  files.set(name, file);
  return `/${name}`;
}
function rewriteLinks(md) {
  md.core.ruler.push('links', ({ tokens, env }) => {
    for (const token of tokens.flatMap(({ children }) => children ?? [])) {
      if (token.type === 'link_open') token.attrSet('href', hrefOnSite(token.attrGet('href'), env.relativePath ?? ''));
    }
  });
}
function copyFiles({ outDir }) {
  for (const [name, file] of files) {
    mkdirSync(dirname(join(outDir, name)), { recursive: true });
    copyFileSync(join(top, file), join(outDir, name));
  }
}

export default defineConfig({
  title: 'dynamodb_es',
  description: 'Event stores in DynamoDB as tables in PostgreSQL',
  lang: 'en',
  base: process.env.SITE_BASE || '/',
  srcDir: '..',
  srcExclude: ['**/.*/**', 'site/**', 'test/**', 'debian/**', '.github/**'],
  rewrites: { 'README.md': 'index.md' },
  outDir: process.env.SITE_FOLDER,
  cacheDir: process.env.SITE_CACHE,
  markdown: { anchor: { slugify: anchorOf }, config: rewriteLinks },
  buildEnd: copyFiles,
  vite: { resolve: { alias: [{ find: /^vue(\/.*)?$/, replacement: `${site}/node_modules/vue$1` }] } },      // pages lie beside it, not above
  themeConfig: {
    sidebar,
    outline: { level: [2, 3] },
    search: { provider: 'local' },
    docFooter: { prev: false, next: false },
  },
});
