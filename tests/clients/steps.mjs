// What the JavaScript clients share: steps from the command line, one JSON line of what was seen after each.

import process from 'node:process';

export const STEP_WITHIN_MS = 20_000;

/** `name` or `name=argument` as [name, argument]. */
export function step(text) {
  const at = text.indexOf('=');
  return at < 0 ? [text, ''] : [text.slice(0, at), text.slice(at + 1)];
}

/** `first,rest` as [first, rest]; the rest may hold commas. */
export function pair(text) {
  const at = text.indexOf(',');
  return at < 0 ? [text, ''] : [text.slice(0, at), text.slice(at + 1)];
}

export function saw(seen) {
  process.stdout.write(`${JSON.stringify(seen)}\n`);
}

/** The value of a promise, or an error that names what was waited for. */
export function within(promise, what, milliseconds = STEP_WITHIN_MS) {
  let timer;
  const late = new Promise((_, reject) => {
    timer = setTimeout(() => reject(new Error(`timed out: ${what}`)), milliseconds);
  });
  return Promise.race([promise, late]).finally(() => clearTimeout(timer));
}

/** Ends the process: 0 when `work` finished, 1 with an `error` line when it failed. */
export async function run(work) {
  try {
    await work();
    process.exit(0);
  } catch (error) {
    saw({ error: String(error?.message ?? error) });
    process.exit(1);
  }
}
