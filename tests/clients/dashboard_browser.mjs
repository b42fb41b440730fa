// An operator and a viewer in headless Chromium on the dashboard: dashboard_browser.mjs URL [--screenshot=PATH] [--dark]
//
// Checks logging in, that charts move, REST calls, that a moved threshold reaches the other page, scopes, that the throttle bites and
// lets go again, that a socket ends with its token and comes back, and logging out. Prints {"ok":true,"checks":[…]}, or
// {"error":…} after what held, with exit code 1.

import { browse, by, check, checks, until, watch, WAIT_MS } from './browser.mjs';
import { run, saw, step } from './steps.mjs';

const SHORT_LIFE_S = 3;   // a token's, where its end is waited for
const [url, ...words] = process.argv.slice(2);
const options = new Map(words.map((word) => step(word.replace(/^--/, ''))));
const browser = await browse();

async function open(viewport) {
  const context = await browser.createBrowserContext();
  const page = await watch(await context.newPage(), viewport, options.has('dark'));
  await page.goto(url, { timeout: WAIT_MS, waitUntil: 'load' });
  return page;
}

async function logIn(page, user, lifetime) {
  await page.$eval(by('login-lifetime'), (select, value) => { select.options[0].value = select.value = value; select.selectedIndex = 0; }, String(lifetime));
  await page.locator(by('login-user')).setTimeout(WAIT_MS).fill(user);
  await page.locator(by('login-password')).setTimeout(WAIT_MS).fill('tide');
  await click(page, by('login-submit'));
  await live(page);
}

const click = (page, selector) => page.locator(selector).setTimeout(WAIT_MS).click();
const live = (page) => until(page, (status) => document.querySelector(status).dataset.state === 'online', by('status'));
const chart = (name) => `${by('chart')}[data-metric="${name}"]`;

/** Waits for a line of the log of this kind, with this badge, that contains a text; what came before `since` does not count. */
const logged = (page, kind, badge, text, since = 0) => until(page, (selector, kind, badge, text, since) =>
  [...document.querySelectorAll(selector)].reverse().slice(since).some((line) =>
    line.dataset.kind === kind && line.dataset.badge === badge && line.textContent.includes(text)), by('entry'), kind, String(badge), text, since);
const lines = (page) => page.$$eval(by('entry'), (all) => all.length);

/** Waits for two more samples in the chart. */
async function moves(page, name) {
  const at = await page.$eval(chart(name), (figure) => Number(figure.dataset.at));
  await until(page, (selector, at) => Number(document.querySelector(selector).dataset.at) > at + 1000, chart(name), at);
}

async function setThreshold(page, name, value) {
  await page.locator(`${chart(name)} input`).setTimeout(WAIT_MS).fill(String(value));
  await click(page, `${chart(name)} button`);
}

/** Presses a button that sends requests, and waits until all is over; gives how many of them had which answer. */
async function send(page, button) {
  await click(page, `${by(button)}:enabled`);
  await until(page, (button) => document.querySelector(button).disabled === false, by(button));
  return page.$eval(by('counts'), ({ dataset: { state, ok, throttled, other } }) => ({ state, ok: Number(ok), throttled: Number(throttled), other: Number(other) }));
}

async function work() {
  const operator = await open({ width: 1200, height: 920 });
  await check('wrong password', async () => {
    await operator.locator(by('login-password')).setTimeout(WAIT_MS).fill('ebb');
    await click(operator, by('login-submit'));
    await until(operator, (problem) => document.querySelector(problem).textContent === 'User or password is wrong.', by('login-problem'));
  });
  await check('login', () => logIn(operator, 'operator', 3600));
  await check('charts move', async () => {
    for (const name of ['level', 'flow', 'calls', 'sockets']) await operator.waitForSelector(`${chart(name)}[data-points]`, { timeout: WAIT_MS });
    await moves(operator, 'level');
    await until(operator, (sockets) => document.querySelector(sockets).dataset.value === '1', chart('sockets'));
  });
  await check('REST call', async () => {
    await click(operator, by('list'));
    await logged(operator, 'call', 200, 'GET /metrics');
    await logged(operator, 'metric', '', 'Open sockets: 1');
  });

  const viewer = await open({ width: 390, height: 780, isMobile: true, hasTouch: true });
  await logIn(viewer, 'viewer', 3600);
  await check('pushed to every page', async () => {
    await viewer.waitForSelector(`${chart('level')}[data-points]`, { timeout: WAIT_MS });
    await setThreshold(operator, 'level', 0.5);
    await logged(operator, 'call', 200, 'PUT /metrics/level/threshold');
    for (const page of [operator, viewer]) await logged(page, 'threshold', '', 'operator moved the threshold: Water level 0.5 m');
    await viewer.waitForSelector(`${chart('level')}.beyond`, { timeout: WAIT_MS });
  });
  await check('alerts', async () => {
    await setThreshold(operator, 'sockets', 1);
    await until(viewer, (sockets) => document.querySelector(sockets).classList.contains('beyond'), chart('sockets'));
  });
  await check('scopes', async () => {
    await setThreshold(viewer, 'level', 2);
    await logged(viewer, 'call', 403, 'PUT /metrics/level/threshold');
    await logged(operator, 'threshold', '', 'operator moved');
    const moved = await operator.$$eval(by('entry'), (all) => all.filter(({ textContent }) => textContent.includes('viewer moved')).length);
    if (moved) throw new Error('a viewer moved a threshold');
  });
  await check('the throttle bites', async () => {
    const { ok, throttled, other } = await send(operator, 'load');
    if (ok < 10 || throttled < 1 || other || ok + throttled !== 50) throw new Error(`of 50 requests ${ok} got through, ${throttled} did not, ${other} failed`);
    await until(operator, (calls) => !/ to 0;/.test(document.querySelector(`${calls} svg`).getAttribute('aria-label')), chart('calls'));
  });
  await check('the throttle lets go', async () => {
    // The page has found room in the bucket, and taken it; so this may be one too many, and then it waits for the next.
    for (let tries = 1; ; tries += 1) {
      const { ok, throttled, other } = await send(operator, 'load-one');
      if (ok === 1 && throttled === 0) return;
      if (other || tries === 20) throw new Error(`try ${tries} had ${ok} through, ${throttled} not, ${other} failed`);
    }
  });
  await check('the other limits are untouched', async () => {
    const since = await lines(operator);
    await click(operator, by('list'));
    await logged(operator, 'call', 200, 'GET /metrics', since);
  });

  await check('a socket ends with its token', async () => {
    await click(viewer, by('logout'));
    await logIn(viewer, 'viewer', SHORT_LIFE_S);
    await logged(viewer, 'ended', 4401, 'The token ended');
  });
  await check('logged in again', async () => {
    await logged(viewer, 'renewed', '', 'Logged in again');
    await live(viewer);
    await moves(viewer, 'level');
  });
  await check('a call with an ended token', async () => {
    // The page's own state: its token is made one that the gateway refuses.
    const since = await lines(operator);
    await operator.evaluate('state.login.access += "x"');
    await click(operator, by('list'));
    await logged(operator, 'renewed', '', 'Logged in again', since);
    await logged(operator, 'call', 200, 'GET /metrics', since);
  });
  await check('reconnect', async () => {
    const since = await lines(operator);
    await operator.evaluate('state.socket.close(4000)');
    await logged(operator, 'socket', '', 'Socket open', since);
    await live(operator);
    await moves(operator, 'level');
  });
  await check('read with the keyboard', async () => {
    await operator.$eval(`${chart('level')} svg`, (svg) => svg.focus());
    await operator.keyboard.press('ArrowLeft');
    await operator.waitForSelector(`${chart('level')} .hair`, { timeout: WAIT_MS });
  });
  await check('log out', async () => {
    await click(viewer, by('logout'));
    await viewer.waitForSelector(by('login-form'), { visible: true, timeout: WAIT_MS });
    await until(operator, (sockets) => document.querySelector(sockets).dataset.value === '1', chart('sockets'));
  });
  await check('no script errors', async () => {
    const failures = [...operator.failures, ...viewer.failures];
    if (failures.length) throw new Error(failures.join('; '));
  });
}

/** A picture for people: the throttle has just bitten. */
async function picture(path) {
  const page = await open({ width: 1200, height: 920 });
  await logIn(page, 'operator', 60);
  await page.waitForSelector(`${chart('level')}[data-points]`, { timeout: WAIT_MS });
  await setThreshold(page, 'level', 3);
  await setThreshold(page, 'sockets', 3);
  await send(page, 'load');
  await moves(page, 'calls');
  await page.screenshot({ path });
}

await run(async () => {
  try {
    await work();
    if (options.has('screenshot')) await check('picture', () => picture(options.get('screenshot')));
    saw({ ok: true, checks });
  } finally {
    await browser.close();
  }
});
