import { expectAccessible, expectLoaded, expectNoSidewaysScroll, test } from '../support';

const PAGES: readonly (readonly [path: string, heading: string])[] = [
  ['/', 'Overview'],
  ['/network', 'Network graph'],
  ['/network?view=list', 'Network graph'],
  ['/sessions', 'Sessions'],
  ['/certificates', 'Certificates'],
  ['/pqc', 'PQC readiness'],
  ['/policies', 'Policies'],
  ['/policies/new', 'New policy'],
  ['/violations', 'Violations'],
  ['/agents', 'Agents'],
  ['/reports', 'Reports'],
  ['/settings', 'Settings'],
  ['/settings/notifiers', 'Settings'],
  ['/settings/users', 'Settings'],
  ['/settings/tokens', 'Settings'],
  ['/settings/audit', 'Settings'],
  ['/api', 'API'],
];

const LOOKS = [
  { name: 'light', colorScheme: 'light', viewport: { width: 1280, height: 800 } },
  { name: 'dark', colorScheme: 'dark', viewport: { width: 1280, height: 800 } },
  { name: '360 px', colorScheme: 'light', viewport: { width: 360, height: 740 } },
] as const;

for (const { name, colorScheme, viewport } of LOOKS) {
  test.describe(name, () => {
    test.use({ colorScheme, viewport });
    for (const [path, heading] of PAGES) {
      test(`${path} shows its data and is accessible`, async ({ admin: page }) => {
        await page.goto(path);
        await expectLoaded(page, heading);
        await expectAccessible(page);
        await expectNoSidewaysScroll(page);
      });
    }

    test('the log-in page is accessible', async ({ page }) => {
      await page.goto('/login');
      await expectLoaded(page, 'Log in');
      await expectAccessible(page);
      await expectNoSidewaysScroll(page);
    });
  });
}
