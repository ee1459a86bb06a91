// Takes a picture of each page: `node tools/screenshots.mjs FOLDER [NAME...]`, in light, dark and narrow;
// with `docs` as a NAME those of docs/web-ui.md, which has each page once.
// The server is TLSIGHT_URL (the fixture server's address by default), the log-in TLSIGHT_USER and TLSIGHT_PASSWORD.
import { mkdirSync } from 'node:fs';
import { chromium } from '@playwright/test';

const url = process.env.TLSIGHT_URL ?? 'http://127.0.0.1:4180';
const user = process.env.TLSIGHT_USER ?? 'admin';
const password = process.env.TLSIGHT_PASSWORD ?? 'admin-password';
const [folder = 'screenshots', ...names] = process.argv.slice(2);
const isForDocs = names.includes('docs');
const only = names.filter((name) => name !== 'docs');

/** Each page by the name of its picture; a step opens what the address alone does not. */
const PAGES = {
  overview: ['/'],
  network: ['/network'],
  'network-edge': ['/network', (page) => openFirst(page, '/edges', (id) => `/network?edge=${id}`)],
  sessions: ['/sessions'],
  session: ['/sessions', (page) => openFirst(page, '/sessions', (id) => `/sessions/${id}`)],
  certificates: ['/certificates'],
  certificate: [
    '/certificates',
    (page) => openFirst(page, '/certificates', (id) => `/certificates/${id}`, 'fingerprint'),
  ],
  pqc: ['/pqc'],
  policies: ['/policies'],
  'policy-edit': ['/policies/new'],
  violations: ['/violations'],
  agents: ['/agents'],
  reports: ['/reports'],
  settings: ['/settings'],
  'settings-notifiers': ['/settings/notifiers'],
  'settings-users': ['/settings/users'],
  'settings-tokens': ['/settings/tokens'],
  'settings-audit': ['/settings/audit'],
  api: ['/api'],
};
const LOOKS = {
  light: { colorScheme: 'light', viewport: { width: 1400, height: 900 } },
  dark: { colorScheme: 'dark', viewport: { width: 1400, height: 900 } },
  narrow: { colorScheme: 'light', viewport: { width: 360, height: 740 } },
};
/** Of the documents: light, as a screen shows it, and two pages in the other looks. */
const DOCS = {
  light: { ...LOOKS.light, viewport: { width: 1280, height: 800 } },
  dark: { ...LOOKS.dark, viewport: { width: 1280, height: 800 }, only: ['network-edge'] },
  narrow: { ...LOOKS.narrow, only: ['overview'] },
};
/** Layouts and charts have settled by then, in milliseconds. */
const SETTLE_MS = 900;

mkdirSync(folder, { recursive: true });
const browser = await chromium.launch({
  executablePath: '/usr/bin/chromium',
  args: ['--no-sandbox'],
});
for (const [look, { only: some, ...options }] of Object.entries(isForDocs ? DOCS : LOOKS)) {
  const context = await browser.newContext({ ...options, baseURL: url, ignoreHTTPSErrors: true });
  const page = await context.newPage();
  page.on('console', (message) => {
    if (message.type() === 'error') console.error(look, page.url(), message.text());
  });
  await page.goto('/login');
  await page.getByRole('heading', { level: 1 }).waitFor();
  if (some === undefined) await page.screenshot({ path: pathOf('login', look) });
  await page.getByLabel('User').fill(user);
  await page.getByLabel('Password').fill(password);
  await page.getByRole('button', { name: 'Log in' }).click();
  await page.getByRole('heading', { level: 1, name: 'Overview' }).waitFor();
  for (const [name, [path, open]] of Object.entries(PAGES)) {
    if (only.length > 0 && !only.includes(name)) continue;
    if (some !== undefined && !some.includes(name)) continue;
    await page.goto(path);
    await open?.(page);
    await page.waitForTimeout(SETTLE_MS);
    const fullPage =
      !isForDocs && !['sessions', 'session', 'network', 'network-edge'].includes(name);
    await page.screenshot({ path: pathOf(name, look), fullPage });
  }
  await context.close();
}
await browser.close();

function pathOf(name, look) {
  return `${folder}/${isForDocs && look === 'light' ? name : `${name}-${look}`}.png`;
}

async function openFirst(page, path, addressOf, key = 'id') {
  const answer = await page.request.get(`/api/v1${path}?limit=1`);
  const [first] = (await answer.json()).items;
  if (first !== undefined) await page.goto(addressOf(encodeURIComponent(first[key])));
}
