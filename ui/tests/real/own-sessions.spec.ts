import { execFileSync, spawn, type ChildProcess } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { createServer, connect } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout } from 'node:timers/promises';
import { expect, expectLoaded } from '../support';
import { test } from './support';

/** How soon a session is shown after it was made, at the latest. */
const SOON_MS = 5_000;

const folder = mkdtempSync(join(tmpdir(), 'tlsight-own-'));
test.use({ programArgs: ['up', '--data', join(folder, 'store')] });

/** Why the sockets of this machine cannot be watched; the variable CI makes that a failure. */
const obstacle =
  process.getuid?.() === 0 ? '' : 'not root, so the sockets of this machine cannot be watched';
if (obstacle !== '' && process.env.CI !== undefined) throw new Error(obstacle);
test.skip(obstacle !== '', obstacle);

let server: ChildProcess;
let port: number;

test.beforeAll(async () => {
  const [certificate, key] = [join(folder, 'server.pem'), join(folder, 'server.key')];
  const curve = ['-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:P-256'];
  const files = ['-keyout', key, '-out', certificate];
  openssl('req', '-x509', ...curve, '-nodes', '-days', '30', '-subj', '/CN=own.test', ...files);
  port = await freePort();
  const listen = ['-accept', `127.0.0.1:${port}`, '-quiet', '-www'];
  server = spawn('openssl', ['s_server', ...listen, '-cert', certificate, '-key', key]);
  await isListening(port);
});

test.afterAll(() => {
  server.kill();
  rmSync(folder, { recursive: true });
});

test('a session of this machine is shown within 5 seconds, with its processes', async ({
  admin: page,
}) => {
  const name = `own-${Date.now()}.test`;
  await page.goto(`/sessions?server_name=${name}`);
  await expectLoaded(page, 'Sessions');
  await expect(page.getByText('Live', { exact: true })).toBeVisible();
  await expect(page.getByText('No session matches')).toBeVisible();
  curl(name);
  const row = page.getByRole('row').filter({ hasText: name });
  await expect(row).toBeVisible({ timeout: SOON_MS });
  await expect(row).toContainText('TLS 1.3');
  await row.getByRole('link').click();
  const panel = page.getByRole('complementary', { name: 'Session detail' });
  await expect(panel.getByRole('definition').filter({ hasText: /^curl$/ })).toBeVisible();
  await expect(panel.getByText(/\/openssl$/).first()).toBeAttached();
});

test('the graph has the edge between both processes', async ({ admin: page }) => {
  curl(`graph-${Date.now()}.test`);
  await page.goto('/network?view=list&q=openssl');
  await expectLoaded(page, 'Network graph');
  const edge = page.getByRole('row').filter({ hasText: `curl → openssl:${port}` });
  await expect(edge).toBeVisible({ timeout: SOON_MS });
});

test('the agent of this machine is live', async ({ admin: page }) => {
  await page.goto('/agents');
  await expectLoaded(page, 'Agents');
  await expect(page.getByRole('cell', { name: 'OK', exact: true })).toBeVisible();
});

function openssl(...args: string[]): void {
  execFileSync('openssl', args, { stdio: ['ignore', 'ignore', 'pipe'] });
}

function curl(name: string): void {
  const resolve = `${name}:${port}:127.0.0.1`;
  const args = ['--silent', '--insecure', '--output', '/dev/null', '--resolve', resolve];
  execFileSync('curl', [...args, `https://${name}:${port}/`]);
}

async function freePort(): Promise<number> {
  const listener = createServer();
  await new Promise<void>((done) => listener.listen(0, '127.0.0.1', done));
  const address = listener.address();
  await new Promise((done) => listener.close(done));
  if (address === null || typeof address === 'string') throw new Error('no port');
  return address.port;
}

async function isListening(wanted: number): Promise<void> {
  for (let tries = 0; tries < 200; tries += 1) {
    const answered = await new Promise<boolean>((done) => {
      const socket = connect(wanted, '127.0.0.1', () => done(true));
      socket.on('connect', () => socket.destroy());
      socket.on('error', () => done(false));
    });
    if (answered) return;
    await setTimeout(50);
  }
  throw new Error('openssl s_server does not listen');
}
