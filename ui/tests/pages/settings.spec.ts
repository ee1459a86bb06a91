import { expect, expectLoaded, test } from '../support';

test('a secret of a notifier is written and never shown', async ({ admin: page }) => {
  const name = `Chat ${Date.now()}`;
  await page.goto('/settings/notifiers');
  await expectLoaded(page, 'Settings');
  await page.getByRole('button', { name: 'Add notifier' }).click();
  const dialog = page.getByRole('dialog', { name: 'Add a notifier' });
  await dialog.getByLabel('Name').fill(name);
  await dialog.getByLabel('Kind').selectOption('slack');
  await dialog.getByLabel('Webhook URL').fill('https://hooks.example.test/T000/SECRET');
  await dialog.getByRole('button', { name: 'Save' }).click();
  await expect(page.getByRole('heading', { name })).toBeVisible();
  await page.getByRole('button', { name: `Edit ${name}` }).click();
  await expect(page.getByRole('dialog').getByLabel('Webhook URL')).toHaveValue('');
  await expect(page.getByRole('dialog')).toContainText('One is stored');
  await page.keyboard.press('Escape');
  await page.getByRole('button', { name: `Delete ${name}` }).click();
  await page.getByRole('dialog').getByRole('button', { name: 'Delete' }).click();
  await expect(page.getByRole('heading', { name })).toHaveCount(0);
});

test('a new token is shown once', async ({ admin: page }) => {
  const name = `scripts ${Date.now()}`;
  await page.goto('/settings/tokens');
  await expectLoaded(page, 'Settings');
  await page.getByRole('button', { name: 'Make a token' }).click();
  await page.getByRole('dialog').getByLabel('Name').fill(name);
  await page.getByRole('dialog').getByRole('button', { name: 'Make token' }).click();
  await expect(page.getByText(/^tlsight_/)).toBeVisible();
  await page.reload();
  await expect(page.getByRole('row').filter({ hasText: name })).toBeVisible();
  await expect(page.getByText(/^tlsight_/)).toHaveCount(0);
});

test('each report is a download that carries the time window', async ({ admin: page }) => {
  await page.goto('/reports?last=7d');
  await expectLoaded(page, 'Reports');
  await page.getByLabel('Version of the CBOM').selectOption('1.7');
  const download = page.waitForEvent('download');
  await page.getByRole('link', { name: 'Cryptography bill of materials: CycloneDX JSON' }).click();
  const url = (await download).url();
  expect(url).toContain('/api/v1/reports/cbom?last=7d&format=json&version=1.7');
});
