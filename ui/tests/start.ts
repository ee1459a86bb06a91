import { startProgram } from './program';

/** With TLSIGHT_PROGRAM, `tests/pages` runs against that program and its samples. */
export default async function start(): Promise<(() => Promise<void>) | undefined> {
  const path = process.env.TLSIGHT_PROGRAM;
  if (path === undefined || process.env.TLSIGHT_URL !== undefined) return undefined;
  const program = await startProgram(path, ['up', '--demo']);
  process.env.TLSIGHT_STARTED = program.url;
  return program.stop;
}
