import { readFileSync } from 'node:fs';
import { expect, expectAccessible, expectLoaded, logIn, test } from '../support';
import { addUser } from './api';

test('a violation is snoozed with a reason, and taken back', async ({ admin: page }) => {
  await page.goto('/violations?severity=high');
  await expectLoaded(page, 'Violations');
  const message = page.locator('tbody .link-button').first();
  await message.click();
  const id = new URL(page.url()).searchParams.get('violation') ?? '';
  await page
    .getByRole('complementary')
    .getByRole('button', { name: 'Snooze', exact: true })
    .click();
  const dialog = page.getByRole('dialog', { name: 'Snooze this violation' });
  await expectAccessible(page);
  await dialog.getByLabel('Reason').fill('The vendor delivers on Friday');
  await dialog.getByRole('button', { name: 'Snooze' }).click();
  await expect(dialog).toHaveCount(0);

  await page.goto(`/violations?state=snoozed&violation=${id}`);
  const panel = page.getByRole('complementary', { name: 'Violation detail' });
  await expect(panel.getByText('The vendor delivers on Friday')).toBeVisible();
  await panel.getByRole('button', { name: 'End snooze' }).click();
  await expect(panel).toHaveCount(0);
});

test('a violation is excluded with a reason and an expiry', async ({ admin: page }) => {
  await page.goto('/violations?severity=medium');
  await expectLoaded(page, 'Violations');
  await page.locator('tbody .link-button').last().click();
  const id = new URL(page.url()).searchParams.get('violation') ?? '';
  await page.getByRole('button', { name: 'Exclude from the policy' }).click();
  const dialog = page.getByRole('dialog');
  await dialog.getByLabel('Reason').fill('Decommissioned in June');
  await dialog.getByLabel('Expires').fill('2030-06-01T00:00');
  const sent = page.waitForRequest(/\/exclude$/);
  await dialog.getByRole('button', { name: 'Exclude' }).click();
  expect((await sent).postDataJSON()).toMatchObject({
    reason: 'Decommissioned in June',
    expiration: expect.stringMatching(/^2030-0[56]-/) as unknown,
  });
  await expect(dialog).toHaveCount(0);
  await page.goto(`/violations?state=excluded&violation=${id}`);
  const panel = page.getByRole('complementary', { name: 'Violation detail' });
  await expect(panel.getByText('Decommissioned in June')).toBeVisible();
  await expect(panel.getByText(/Jun 2030/)).toBeVisible();
});

test('a viewer cannot snooze', async ({ page }) => {
  const viewer = await addUser(page.request, 'viewer');
  await logIn(page, viewer.user, viewer.password);
  await expectLoaded(page, 'Overview');
  await page.goto('/violations');
  await page.locator('tbody .link-button').first().click();
  const panel = page.getByRole('complementary', { name: 'Violation detail' });
  await expect(panel.getByText('Posture that breaks it')).toBeVisible();
  await expect(panel.getByRole('button', { name: 'Snooze' })).toHaveCount(0);
});

test('an operator judges, but does not administer', async ({ page }) => {
  const operator = await addUser(page.request, 'operator');
  await logIn(page, operator.user, operator.password);
  await expectLoaded(page, 'Overview');
  await page.goto('/violations');
  await page.locator('tbody .link-button').first().click();
  const panel = page.getByRole('complementary', { name: 'Violation detail' });
  await expect(panel.getByRole('button', { name: 'Snooze', exact: true })).toBeVisible();
  await page.goto('/policies');
  await expectLoaded(page, 'Policies');
  await expect(page.getByRole('link', { name: 'New policy' })).toBeVisible();
  await page.goto('/settings/users');
  await expect(page.getByText('Only administrators see this')).toBeVisible();
  await page.goto('/settings/notifiers');
  await expect(page.getByRole('heading', { name: 'Notifiers' })).toBeVisible();
  await expect(page.getByRole('button', { name: 'Add notifier' })).toHaveCount(0);
});

test('a pack is switched on and off', async ({ admin: page }) => {
  await page.goto('/policies');
  await expectLoaded(page, 'Policies');
  const pack = page.getByRole('switch', { name: 'Pack CNSA 2.0' });
  await pack.check();
  await expect(pack).toBeEnabled();
  await page.reload();
  await expect(pack).toBeChecked();
  await pack.uncheck();
  await expect(pack).toBeEnabled();
  await expect(pack).not.toBeChecked();
});

test('a policy is tried, written, exported and deleted', async ({ admin: page }) => {
  const name = `No TLS 1.2 in the shop ${Date.now()}`;
  await page.goto('/policies/new');
  await expectLoaded(page, 'New policy');
  await page.getByLabel('Name', { exact: true }).fill(name);
  await page.getByLabel('Criterion 1 of section 1: value 1').fill('< 1.3');
  await page.getByRole('button', { name: 'And' }).click();
  await page.getByLabel('Criterion 2 of section 1: field').selectOption('Namespace');
  await page.getByLabel('Criterion 2 of section 1: value 1').fill('shop');
  await page.getByRole('button', { name: 'Run' }).click();
  await expect(page.getByRole('list', { name: 'Examples' })).toBeVisible();
  await expectAccessible(page);
  await page.getByRole('button', { name: 'Create policy' }).click();
  await expectLoaded(page, 'Policies');

  await page.getByRole('link', { name }).click();
  await expectLoaded(page, name);
  await expect(page.getByLabel('Criterion 2 of section 1: value 1')).toHaveValue('shop');
  const download = page.waitForEvent('download');
  await page.getByRole('button', { name: 'Export' }).click();
  const file = JSON.parse(readFileSync(await (await download).path(), 'utf8')) as {
    policies: { severity: string; policySections: { policyGroups: unknown[] }[] }[];
  };
  expect(file.policies[0]?.severity).toBe('MEDIUM_SEVERITY');
  expect(file.policies[0]?.policySections[0]?.policyGroups).toHaveLength(2);

  await page.getByRole('button', { name: 'Delete' }).click();
  await page.getByRole('dialog').getByRole('button', { name: 'Delete' }).click();
  await expectLoaded(page, 'Policies');
  await expect(page.getByRole('link', { name })).toHaveCount(0);
});

test('an expression that is not valid is refused in words', async ({ admin: page, watch }) => {
  watch.allow(/400/);
  await page.goto('/policies/new');
  await page.getByRole('button', { name: 'Expression (CEL)' }).click();
  await page.getByLabel('Expression', { exact: true }).fill('tls_version < syntax error');
  await page.getByRole('button', { name: 'Run' }).click();
  await expect(page.getByRole('alert')).toContainText('syntax');
});

test('policies of StackRox are imported', async ({ admin: page }) => {
  const name = `From StackRox ${Date.now()}`;
  await page.goto('/policies');
  await expectLoaded(page, 'Policies');
  await page.getByLabel('File of policies to import').setInputFiles({
    name: 'policies.json',
    mimeType: 'application/json',
    buffer: Buffer.from(
      JSON.stringify({
        policies: [
          {
            name,
            severity: 'HIGH_SEVERITY',
            categories: ['TLS'],
            lifecycleStages: ['RUNTIME'],
            policySections: [
              { policyGroups: [{ fieldName: 'TLS Version', values: [{ value: '< 1.2' }] }] },
            ],
          },
        ],
      }),
    ),
  });
  await expect(page.getByText('1 policy imported.')).toBeVisible();
  await expect(page.getByRole('row').filter({ hasText: name })).toContainText('High');
});

test('a file that holds no policy is refused', async ({ admin: page }) => {
  await page.goto('/policies');
  await expectLoaded(page, 'Policies');
  await page.getByLabel('File of policies to import').setInputFiles({
    name: 'other.json',
    mimeType: 'application/json',
    buffer: Buffer.from('{"policies": [{"severity": "HIGH_SEVERITY"}]}'),
  });
  await expect(page.getByText(/other\.json: Policy 1 has no name/)).toBeVisible();
});
