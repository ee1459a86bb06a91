import { expect, expectLoaded, test } from '../support';
import { importLines } from './api';

const IMAGE = '<img src=x onerror=alert(1)>';
const SCRIPT = '"><script>window.pwned=1</script>';
const TEMPLATE = '{{constructor.constructor("window.pwned=1")()}}';
/** A right-to-left override, a tab and an escape sequence for terminals. */
const CONTROL = 'evil\u202etxt.\t\u001b[31m';

type Event = Record<string, unknown> & {
  tls: { client: object; server: { not_after?: string } };
  client: object;
  server: object;
  tlsight: object;
};

/** A session of a real capture, in which a hostile peer chose all names. */
function hostile(event: Event): string {
  const { client, server } = event.tls;
  const end = (name: string) => ({ name, executable: `/tmp/${name}`, command_line: `x ${SCRIPT}` });
  return JSON.stringify({
    ...event,
    tls: {
      ...event.tls,
      client: { ...client, server_name: SCRIPT, ja3: IMAGE },
      server: { ...server, subject: `CN=${IMAGE}`, issuer: `CN=${SCRIPT}`, hash: { sha256: HASH } },
    },
    client: { ...event.client, process: end(IMAGE), kubernetes: { namespace: SCRIPT } },
    server: {
      ...event.server,
      process: end(CONTROL),
      container: { id: 'f'.repeat(64), name: TEMPLATE, image: { name: SCRIPT, tag: [IMAGE] } },
      kubernetes: { namespace: IMAGE, labels: { owner: SCRIPT } },
    },
    tlsight: {
      ...event.tlsight,
      workload: {
        client: { kind: 'Deployment', name: IMAGE },
        server: { kind: 'Deployment', name: TEMPLATE },
      },
    },
  });
}

const HASH = 'EE'.repeat(32);

test.beforeAll(async ({ browser, baseURL }) => {
  const context = await browser.newContext({ baseURL: baseURL ?? '', ignoreHTTPSErrors: true });
  const page = await context.newPage();
  await importLines(page, 'none', []);
  const answer = await page.request.get('/api/v1/export?version=1.2&last=24h');
  const lines = (await answer.text()).trim().split('\n');
  const visible = lines.map((line) => JSON.parse(line) as Event).filter(hasCertificate);
  const taken = await importLines(page, IMAGE, visible.slice(0, 5).map(hostile));
  expect(taken).toMatchObject({ accepted: 5, rejected_total: 0 });
  await context.close();
});

function hasCertificate(event: Event): boolean {
  return event.tls.server.not_after !== undefined;
}

const SHOWN: readonly (readonly [path: string, heading: string, text: string])[] = [
  [`/sessions?server_name=${encodeURIComponent(SCRIPT)}`, 'Sessions', SCRIPT],
  [`/certificates?q=${encodeURIComponent(IMAGE)}`, 'Certificates', `CN=${IMAGE}`],
  [`/certificates/${HASH.toLowerCase()}`, 'Certificates', `CN=${SCRIPT}`],
  ['/network?view=list', 'Network graph', TEMPLATE],
  ['/violations', 'Violations', TEMPLATE],
  ['/pqc', 'PQC readiness', SCRIPT],
  ['/agents', 'Agents', IMAGE],
];

for (const [path, heading, text] of SHOWN) {
  test(`${path} shows hostile names as text`, async ({ admin: page }) => {
    await page.goto(path);
    await expectLoaded(page, heading);
    await expect(page.getByText(text).filter({ visible: true }).first()).toBeVisible();
    expect(await page.locator('img[src="x"], main script').count()).toBe(0);
    expect(await page.evaluate(() => 'pwned' in window)).toBe(false);
  });
}

test('the detail of a session shows hostile names as text', async ({ admin: page }) => {
  await page.goto(`/sessions?server_name=${encodeURIComponent(SCRIPT)}`);
  await page.locator('.row-link').first().click();
  const panel = page.getByRole('complementary', { name: 'Session detail' });
  for (const text of [SCRIPT, IMAGE, TEMPLATE]) {
    await expect(panel.getByText(text).first()).toBeAttached();
  }
  expect(await page.locator('img[src="x"], aside script').count()).toBe(0);
  expect(await page.evaluate(() => 'pwned' in window)).toBe(false);
});

test('the graph draws hostile names as text', async ({ admin: page }) => {
  await page.goto('/network');
  await expectLoaded(page, 'Network graph');
  await expect(page.locator('.graph-canvas canvas').first()).toBeVisible();
  expect(await page.locator('img[src="x"]').count()).toBe(0);
  expect(await page.evaluate(() => 'pwned' in window)).toBe(false);
});

for (const kind of ['cbom', 'pqc', 'certificates', 'pci']) {
  test(`the printable page of ${kind} runs nothing`, async ({ admin: page }) => {
    const answer = await page.request.get(`/api/v1/reports/${kind}?format=html`);
    expect(answer.headers()['content-security-policy']).toContain("default-src 'none'");
    const text = await answer.text();
    expect(text).not.toContain('<img');
    expect(text).not.toContain('<script');
    await page.goto('about:blank');
    await page.setContent(text);
    expect(await page.locator('img, script').count()).toBe(0);
    expect(await page.evaluate(() => 'pwned' in window)).toBe(false);
  });
}
