import AxeBuilder from '@axe-core/playwright';
import { expect, test as base, type BrowserContext, type Page } from '@playwright/test';
import { ADMIN } from './program';

/** Collects what a page must never do; each test ends with looking at it. */
export class Watch {
  readonly errors: string[] = [];
  readonly foreign: string[] = [];
  private readonly allowed: RegExp[] = [];

  constructor(page: Page, origin: string) {
    page.on('console', (message) => {
      if (message.type() === 'error') this.add(message.text());
    });
    page.on('pageerror', (error) => this.add(String(error)));
    page.on('dialog', (dialog) => {
      this.add(`dialog: ${dialog.message()}`);
      void dialog.dismiss();
    });
    page.on('request', (request) => {
      const url = new URL(request.url());
      const own = url.origin === origin || url.protocol === 'blob:' || url.protocol === 'data:';
      if (!own) this.foreign.push(request.url());
    });
  }

  /** The browser itself logs each answer of 4xx; a test that asks for one says so. */
  allow(pattern: RegExp): void {
    this.allowed.push(pattern);
  }

  check(): void {
    const unexpected = this.errors.filter((text) => !this.allowed.some((ok) => ok.test(text)));
    expect(unexpected, 'errors on the console').toEqual([]);
    expect(this.foreign, 'requests to other origins').toEqual([]);
  }

  private add(text: string): void {
    this.errors.push(text);
  }
}

interface Fixtures {
  watch: Watch;
  /** A page where the administrator is logged in. */
  admin: Page;
}

type State = Awaited<ReturnType<BrowserContext['storageState']>>;

export const test = base.extend<Fixtures, { adminState: State }>({
  watch: [
    async ({ page, baseURL }, provide) => {
      const watch = new Watch(page, new URL(baseURL ?? '').origin);
      await provide(watch);
      watch.check();
    },
    { auto: true },
  ],
  adminState: [
    async ({ playwright }, provide, { project }) => {
      const baseURL = project.use.baseURL ?? '';
      const request = await playwright.request.newContext({ baseURL, ignoreHTTPSErrors: true });
      const answer = await request.post('/api/v1/login', { data: ADMIN });
      expect(answer.ok(), `log-in as ${ADMIN.user}: ${answer.status()}`).toBe(true);
      await provide(await request.storageState());
      await request.dispose();
    },
    { scope: 'worker' },
  ],
  admin: async ({ page, context, adminState }, provide) => {
    await context.addCookies(adminState.cookies);
    await provide(page);
  },
});

/** Logs in as a person does. */
export async function logIn(page: Page, user: string, password: string): Promise<void> {
  await page.goto('/login');
  await page.getByLabel('User').fill(user);
  await page.getByLabel('Password').fill(password);
  await page.getByRole('button', { name: 'Log in' }).click();
}

/** Waits until a page shows its data: its heading, no placeholder, no failure. */
export async function expectLoaded(page: Page, heading: string | RegExp): Promise<void> {
  await expect(page.getByRole('heading', { level: 1, name: heading })).toBeVisible();
  await expect(page.locator('.skeleton')).toHaveCount(0);
  await expect(page.getByRole('alert')).toHaveCount(0);
}

/** Asks axe for what keeps people from using a page. */
export async function expectAccessible(page: Page): Promise<void> {
  const { violations } = await new AxeBuilder({ page }).analyze();
  const bad = violations
    .filter(({ impact }) => impact === 'serious' || impact === 'critical')
    .map(({ id, nodes }) => `${id}: ${nodes.map((node) => node.html.slice(0, 160)).join(' | ')}`);
  expect(bad, 'serious findings of axe').toEqual([]);
}

/** Nothing may stick out of the screen: the page itself never scrolls sideways. */
export async function expectNoSidewaysScroll(page: Page): Promise<void> {
  const [content, screen] = await page.evaluate(() => [
    document.documentElement.scrollWidth,
    document.documentElement.clientWidth,
  ]);
  expect(content, 'width of the content').toBeLessThanOrEqual(screen ?? 0);
}

export { ADMIN, expect };
