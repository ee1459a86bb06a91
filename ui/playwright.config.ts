import { defineConfig } from '@playwright/test';

/**
 * `tests/pages` holds for any server: TLSIGHT_URL, with the administrator TLSIGHT_USER and
 * TLSIGHT_PASSWORD; or the program TLSIGHT_PROGRAM with its samples; or else a fixture server, which
 * serves `dist`. `tests/fixture` knows the data of the fixture server. `tests/real` needs the
 * program: its samples, or one of its own that watches this machine.
 */
const given = process.env.TLSIGHT_URL;
const FIXTURE = 'http://127.0.0.1:4180';

// `tests/start.ts` says where the program is that it has started.
const server = given ?? process.env.TLSIGHT_STARTED ?? FIXTURE;

const projects = [
  { name: 'pages', baseURL: server },
  ...(given === undefined ? [{ name: 'fixture', baseURL: FIXTURE }] : []),
  ...(process.env.TLSIGHT_PROGRAM === undefined ? [] : [{ name: 'real', baseURL: server }]),
];

export default defineConfig({
  testDir: 'tests',
  projects: projects.map(({ name, ...use }) => ({ name, testDir: `tests/${name}`, use })),
  globalSetup: './tests/start.ts',
  outputDir: 'test-results',
  fullyParallel: false,
  workers: 2,
  retries: 0,
  forbidOnly: true,
  timeout: 120_000,
  expect: { timeout: 20_000 },
  reporter: [['list']],
  use: {
    ignoreHTTPSErrors: true,
    launchOptions: {
      executablePath: process.env.TLSIGHT_CHROMIUM ?? '/usr/bin/chromium',
      args: ['--no-sandbox'],
    },
  },
  webServer: {
    command: 'node tests/fixtures/server.mjs',
    url: 'http://127.0.0.1:4182',
    reuseExistingServer: true,
  },
});
