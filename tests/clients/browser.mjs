// What the scripts for headless Chromium share. CHROMIUM names the browser, /usr/bin/chromium otherwise. Every wait is bounded.

import puppeteer from 'puppeteer-core';

export const WAIT_MS = 15_000;

/** What has held so far. */
export const checks = [];

/** A selector for an element by its data-testid. */
export const by = (id) => `[data-testid="${id}"]`;

export function browse() {
  return puppeteer.launch({
    executablePath: process.env.CHROMIUM ?? '/usr/bin/chromium',
    headless: true,
    pipe: true,                  // a browser at a pipe ends with whoever holds the other end, even when that was killed
    timeout: 60_000,
    protocolTimeout: 60_000,
    acceptInsecureCerts: true,   // the development CA is not in the browser's store
    args: ['--no-sandbox', '--disable-gpu', '--disable-quic', '--no-first-run', '--disable-background-networking',
      '--disable-component-update', '--disable-sync', '--disable-dev-shm-usage'],
  });
}

/** A page of this size and colour scheme that keeps in `failures` what goes wrong in its scripts. */
export async function watch(page, viewport, dark) {
  await page.setViewport(viewport);
  await page.emulateMediaFeatures([{ name: 'prefers-color-scheme', value: dark ? 'dark' : 'light' }]);
  page.failures = [];
  page.on('pageerror', (error) => page.failures.push(String(error)));
  page.on('dialog', (dialog) => { page.failures.push(`dialog: ${dialog.message()}`); dialog.dismiss().catch(() => {}); });
  return page;
}

export async function check(what, holds) {
  try {
    await holds();
  } catch (error) {
    throw new Error(`${what}: ${error.message} (held before: ${checks.join(', ') || 'nothing'})`);
  }
  checks.push(what);
}

/** Waits until `condition` holds in the page. */
export async function until(page, condition, ...values) {
  await page.waitForFunction(condition, { timeout: WAIT_MS, polling: 50 }, ...values);
}
