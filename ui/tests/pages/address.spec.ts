import { expect, expectLoaded, test } from '../support';

test('filters are in the address and survive a reload', async ({ admin: page }) => {
  await page.goto('/sessions');
  await expectLoaded(page, 'Sessions');
  await page.getByLabel('Version').selectOption('1.3');
  await page.getByLabel('Search').fill('e');
  await expect(page).toHaveURL(/version=1\.3/);
  await expect(page).toHaveURL(/q=e/);
  await page.reload();
  await expectLoaded(page, 'Sessions');
  await expect(page.getByLabel('Version')).toHaveValue('1.3');
  await expect(page.getByLabel('Search')).toHaveValue('e');
});

test('the time window comes along from page to page', async ({ admin: page }) => {
  await page.goto('/');
  await expectLoaded(page, 'Overview');
  await page.getByLabel('Time window').selectOption('7d');
  await expect(page).toHaveURL(/last=7d/);
  await page.getByRole('link', { name: 'PQC readiness' }).click();
  await expectLoaded(page, 'PQC readiness');
  await expect(page).toHaveURL(/\/pqc\?last=7d$/);
  await expect(page.getByLabel('Time window')).toHaveValue('7d');
});

test('a time window of two fixed ends is in the address', async ({ admin: page }) => {
  await page.goto('/');
  await page.getByLabel('Time window').selectOption('custom');
  const dialog = page.getByRole('dialog', { name: 'Time window' });
  await dialog.getByLabel('From').fill('2026-01-01T00:00');
  await dialog.getByLabel('To').fill('2026-01-02T00:00');
  await dialog.getByRole('button', { name: 'Apply' }).click();
  await expect(page).toHaveURL(/from=2026-01-01/);
  await expect(page).toHaveURL(/to=2026-01-0/);
});

test('the chosen theme stays', async ({ admin: page }) => {
  await page.goto('/agents');
  await expectLoaded(page, 'Agents');
  await page.getByRole('button', { name: 'Theme: as the system' }).click();
  await page.getByRole('button', { name: 'Theme: light' }).click();
  await expect(page.locator('html')).toHaveAttribute('data-theme', 'dark');
  await page.reload();
  await expect(page.locator('html')).toHaveAttribute('data-theme', 'dark');
});

test('the libraries for graphs and charts load only where something is drawn', async ({
  admin: page,
}) => {
  const loaded: string[] = [];
  page.on('request', (request) => loaded.push(new URL(request.url()).pathname));
  const drawing = () => loaded.filter((path) => /(cytoscape|echarts)-[^/]*\.js$/.test(path));
  await page.goto('/agents');
  await expectLoaded(page, 'Agents');
  expect(drawing()).toEqual([]);
  await page.getByRole('link', { name: 'Overview' }).click();
  await expectLoaded(page, 'Overview');
  expect(drawing().filter((path) => path.includes('cytoscape'))).toEqual([]);
});
