import type { APIRequestContext, Page } from '@playwright/test';
import { ADMIN } from '../program';

/** Logs a client of the API in; returns the header that changes carry. */
export async function logInByApi(
  request: APIRequestContext,
  who: { user: string; password: string },
): Promise<{ 'X-CSRF-Token': string }> {
  const answer = await request.post('/api/v1/login', { data: who });
  if (!answer.ok()) throw new Error(`log-in as ${who.user}: ${answer.status()}`);
  const { csrf_token: token } = (await answer.json()) as { csrf_token: string };
  return { 'X-CSRF-Token': token };
}

/** Sends lines as an agent on a host does. */
export async function importLines(page: Page, host: string, lines: readonly string[]) {
  const headers = await logInByApi(page.request, ADMIN);
  const answer = await page.request.post(`/api/v1/import?agent=${host}&host=${host}`, {
    headers: { ...headers, 'Content-Type': 'application/x-ndjson' },
    data: lines.map((line) => `${line}\n`).join(''),
  });
  return (await answer.json()) as { accepted: number; rejected_total: number };
}

/** Makes a user with a role; the client of the API is the administrator then. */
export async function addUser(request: APIRequestContext, role: string) {
  const headers = await logInByApi(request, ADMIN);
  const user = `${role}-${Date.now()}`;
  const password = 'correct horse battery staple';
  const answer = await request.post('/api/v1/users', {
    headers,
    data: { name: user, role, password },
  });
  if (!answer.ok()) throw new Error(`a ${role}: ${answer.status()} ${await answer.text()}`);
  await request.post('/api/v1/logout', { headers });
  return { user, password };
}
