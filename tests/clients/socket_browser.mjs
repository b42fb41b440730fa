// A socket in headless Chromium: socket_browser.mjs URL [--subprotocol=NAME]... [closed]
//
// Prints {"step":"open","subprotocol":""} once the page's socket is open, or {"step":"open","refused":true} when the browser would
// not have it; with `closed` waits for its end and prints {"step":"closed","code":…,"reason":…}. CHROMIUM names the browser,
// /usr/bin/chromium otherwise. Every wait is bounded.

import puppeteer from 'puppeteer-core';
import { run, saw, step, within } from './steps.mjs';

const [url, ...words] = process.argv.slice(2);
const options = words.filter((word) => word.startsWith('--')).map((word) => step(word.slice(2)));
const subprotocols = options.filter(([name]) => name === 'subprotocol').map(([, value]) => value);

/** In the page: opens the socket, and keeps its end for later. */
function open(address, protocols) {
  const socket = new WebSocket(address, protocols);
  window.end = new Promise((resolve) => {
    socket.onclose = ({ code, reason }) => resolve({ code, reason });
  });
  return new Promise((resolve) => {
    socket.onopen = () => resolve({ subprotocol: socket.protocol });
    socket.onerror = () => resolve({ refused: true });
  });
}

await run(async () => {
  const browser = await puppeteer.launch({
    executablePath: process.env.CHROMIUM ?? '/usr/bin/chromium',
    headless: true,
    pipe: true,                // a browser at a pipe ends with whoever holds the other end, even when that was killed
    timeout: 60_000,
    args: ['--no-sandbox', '--disable-gpu', '--no-first-run', '--disable-background-networking', '--disable-component-update',
      '--disable-sync', '--disable-dev-shm-usage'],
  });
  try {
    const page = await browser.newPage();
    saw({ step: 'open', ...(await within(page.evaluate(open, url, subprotocols), 'open')) });
    if (words.includes('closed')) {
      saw({ step: 'closed', ...(await within(page.evaluate(() => window.end), 'closed')) });
    }
  } finally {
    await browser.close();
  }
});
