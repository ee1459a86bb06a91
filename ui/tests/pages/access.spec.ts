import { ADMIN, expect, expectLoaded, logIn, test } from '../support';

test('a stranger sees the log-in page, and afterwards the page that was asked for', async ({
  page,
}) => {
  await page.goto('/violations?last=7d');
  await expectLoaded(page, 'Log in');
  await page.getByLabel('User').fill(ADMIN.user);
  await page.getByLabel('Password').fill(ADMIN.password);
  await page.getByRole('button', { name: 'Log in' }).click();
  await expectLoaded(page, 'Violations');
  await expect(page).toHaveURL(/\/violations\?last=7d$/);
});

test('a page of another origin is not where the log-in leads to', async ({ page }) => {
  await page.goto('/login?next=//example.com/');
  await page.getByLabel('User').fill(ADMIN.user);
  await page.getByLabel('Password').fill(ADMIN.password);
  await page.getByRole('button', { name: 'Log in' }).click();
  await expectLoaded(page, 'Overview');
});

test('a wrong password is refused in words', async ({ page, watch }) => {
  watch.allow(/401/);
  await logIn(page, ADMIN.user, 'not the password');
  await expect(page.getByRole('alert')).toBeVisible();
  await expect(page.getByRole('heading', { level: 1, name: 'Log in' })).toBeVisible();
});

test('after the log-out nothing can be read', async ({ page, watch }) => {
  await logIn(page, ADMIN.user, ADMIN.password);
  await expectLoaded(page, 'Overview');
  watch.allow(/401/);
  await page.getByRole('button', { name: 'Log out' }).click();
  await expectLoaded(page, 'Log in');
  const status = await page.evaluate(async () => (await fetch('/api/v1/overview')).status);
  expect(status).toBe(401);
});

test('a viewer sees no control that the role may not use', async ({ page, browser, baseURL }) => {
  const name = `viewer-${Date.now()}`;
  const password = 'correct horse battery staple';
  await logIn(page, ADMIN.user, ADMIN.password);
  await expectLoaded(page, 'Overview');
  await page.goto('/settings/users');
  await page.getByRole('button', { name: 'Add user' }).click();
  const dialog = page.getByRole('dialog', { name: 'Add a user' });
  await dialog.getByLabel('Name').fill(name);
  await dialog.getByLabel('Role').selectOption('viewer');
  await dialog.getByLabel('Password').fill(password);
  await dialog.getByRole('button', { name: 'Add' }).click();
  await expect(page.getByLabel(`Role of ${name}`)).toHaveValue('viewer');

  const context = await browser.newContext({ baseURL: baseURL ?? '', ignoreHTTPSErrors: true });
  const viewer = await context.newPage();
  await logIn(viewer, name, password);
  await expectLoaded(viewer, 'Overview');
  await viewer.goto('/policies');
  await expectLoaded(viewer, 'Policies');
  await expect(viewer.getByRole('switch')).toHaveCount(0);
  await expect(viewer.getByRole('link', { name: 'New policy' })).toHaveCount(0);
  await viewer.goto('/policies/new');
  await expect(viewer.getByText('Only operators write policies')).toBeVisible();
  await viewer.goto('/settings');
  await expectLoaded(viewer, 'Settings');
  await expect(viewer.getByRole('link', { name: 'Users' })).toHaveCount(0);
  await expect(viewer.getByRole('button', { name: 'Save' })).toHaveCount(0);
  await viewer.goto('/settings/users');
  await expect(viewer.getByText('Only administrators see this')).toBeVisible();
  await context.close();

  await page.getByRole('button', { name: `Delete ${name}` }).click();
  await page.getByRole('dialog').getByRole('button', { name: 'Delete' }).click();
  await expect(page.getByLabel(`Role of ${name}`)).toHaveCount(0);
});
