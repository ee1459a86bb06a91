import type { Page } from '@playwright/test';
import { ADMIN, expect, expectLoaded, test } from '../support';

/** No page has more controls before any of those that the test looks for. */
const MAX_TABS = 60;

test('the keyboard alone leads from the log-in to a session and back', async ({ page }) => {
  await page.goto('/login');
  await expectLoaded(page, 'Log in');
  await tabTo(page, (name) => name === 'User');
  await page.keyboard.type(ADMIN.user);
  await page.keyboard.press('Tab');
  await page.keyboard.type(ADMIN.password);
  await page.keyboard.press('Enter');
  await expectLoaded(page, 'Overview');

  await tabTo(page, (name) => name === 'Sessions');
  await page.keyboard.press('Enter');
  await expectLoaded(page, 'Sessions');
  await expect(page.getByRole('table', { name: 'Sessions' })).toBeVisible();
  await page.getByRole('button', { name: 'Pause' }).focus();
  await page.keyboard.press('Enter');

  await tabTo(page, (_, className) => className.includes('row-link'));
  await page.keyboard.press('ArrowDown');
  const row = await focused(page);
  await page.keyboard.press('Enter');
  const panel = page.getByRole('complementary', { name: 'Session detail' });
  await expect(panel).toBeVisible();
  await expect(panel.getByText('@timestamp')).toBeVisible();
  await page.keyboard.press('Escape');
  await expect(panel).toHaveCount(0);
  await expect(page).toHaveURL(/\/sessions(\?|$)/);
  expect((await focused(page)).name).toBe(row.name);
});

test('the skip link leads past the navigation', async ({ admin: page }) => {
  await page.goto('/agents');
  await expectLoaded(page, 'Agents');
  await page.keyboard.press('Tab');
  expect((await focused(page)).name).toBe('Skip to content');
  await page.keyboard.press('Enter');
  await expect(page.locator('main')).toBeFocused();
});

async function tabTo(page: Page, wanted: (name: string, className: string) => boolean) {
  for (let pressed = 0; pressed < MAX_TABS; pressed += 1) {
    await page.keyboard.press('Tab');
    const { name, className } = await focused(page);
    if (wanted(name, className)) return;
  }
  throw new Error(`not reached with ${MAX_TABS} tabs`);
}

async function focused(page: Page): Promise<{ name: string; className: string }> {
  return page.evaluate(() => {
    const element = document.activeElement;
    const label =
      element instanceof HTMLInputElement ? element.labels?.[0]?.textContent : undefined;
    return {
      name: (label ?? element?.textContent ?? '').trim(),
      className: element?.className ?? '',
    };
  });
}
