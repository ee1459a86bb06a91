import { spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { createInterface } from 'node:readline';
import { request } from '@playwright/test';

/** The administrator of every program that a test starts. */
export const ADMIN = {
  user: process.env.TLSIGHT_USER ?? 'admin',
  password: process.env.TLSIGHT_PASSWORD ?? 'admin-password',
};

/** A running tlsight with an administrator. */
export interface Program {
  url: string;
  stop: () => Promise<void>;
}

/** Starts `tlsight ARGUMENTS` on a free port of its own, and makes the first user. */
export async function startProgram(path: string, args: readonly string[]): Promise<Program> {
  const child = spawn(path, [...args, '--listen', '127.0.0.1:0'], {
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  const { url, token } = await addressOf(child);
  const client = await request.newContext({ baseURL: url, ignoreHTTPSErrors: true });
  const answer = await client.post('/api/v1/setup', { data: { token, ...ADMIN } });
  await client.dispose();
  if (!answer.ok()) throw new Error(`the first user: ${answer.status()} ${await answer.text()}`);
  return { url, stop: () => stop(child) };
}

async function addressOf(child: ChildProcess): Promise<{ url: string; token: string }> {
  if (child.stdout === null) throw new Error('no output');
  let url: string | undefined;
  for await (const line of createInterface({ input: child.stdout })) {
    url = /^tlsight is at (.*)\/$/.exec(line)?.[1] ?? url;
    const token = /with this token: (.*)$/.exec(line)?.[1];
    if (url !== undefined && token !== undefined) return { url, token };
  }
  throw new Error('tlsight ended before it said where it is');
}

async function stop(child: ChildProcess): Promise<void> {
  if (child.exitCode !== null) return;
  const over = once(child, 'exit');
  child.kill('SIGTERM');
  await over;
}
