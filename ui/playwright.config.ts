import { defineConfig } from '@playwright/test';

/**
 * With TLSIGHT_URL the tests of `tests/pages` run against that server, as the administrator
 * TLSIGHT_USER with TLSIGHT_PASSWORD. Without it a fixture server serves `dist`, and the tests that
 * depend on its data run too.
 */
const server = process.env.TLSIGHT_URL;

export default defineConfig({
  testDir: 'tests',
  testMatch: server === undefined ? '**/*.spec.ts' : 'pages/*.spec.ts',
  outputDir: 'test-results',
  fullyParallel: false,
  workers: 2,
  retries: 0,
  forbidOnly: true,
  timeout: 60_000,
  expect: { timeout: 10_000 },
  reporter: [['list']],
  use: {
    baseURL: server ?? 'http://127.0.0.1:4180',
    ignoreHTTPSErrors: true,
    launchOptions: {
      executablePath: process.env.TLSIGHT_CHROMIUM ?? '/usr/bin/chromium',
      args: ['--no-sandbox'],
    },
  },
  ...(server === undefined
    ? {
        webServer: {
          command: 'node tests/fixtures/server.mjs',
          url: 'http://127.0.0.1:4182',
          reuseExistingServer: true,
        },
      }
    : {}),
});
