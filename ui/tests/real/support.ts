import { ADMIN, startProgram } from '../program';
import { test as base } from '../support';
import { logInByApi } from './api';

/** The program under test. */
export const PROGRAM = process.env.TLSIGHT_PROGRAM ?? '';

/** Tests with a program of their own, which `programArgs` is started with. */
export const test = base.extend<object, { programArgs: string[]; url: string }>({
  programArgs: [['up', '--demo'], { option: true, scope: 'worker' }],
  url: [
    async ({ programArgs }, provide) => {
      const program = await startProgram(PROGRAM, programArgs);
      await provide(program.url);
      await program.stop();
    },
    { scope: 'worker', timeout: 120_000 },
  ],
  baseURL: async ({ url }, provide) => provide(url),
  adminState: [
    async ({ playwright, url }, provide) => {
      const request = await playwright.request.newContext({
        baseURL: url,
        ignoreHTTPSErrors: true,
      });
      await logInByApi(request, ADMIN);
      await provide(await request.storageState());
      await request.dispose();
    },
    { scope: 'worker' },
  ],
});
