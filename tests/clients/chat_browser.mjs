// Two people in headless Chromium on the chat page: chat_browser.mjs URL [--screenshot=PATH] [--dark]
//
// Opens the page twice, joins one room under two names, and checks talk both ways, presence, notices, names, that markup is
// text, unread marking, reconnecting and leaving. Prints {"ok":true,"checks":[…]}, or {"error":…} after what held, with exit code 1.
// CHROMIUM names the browser, /usr/bin/chromium otherwise. Every wait is bounded.

import { browse, by, check, checks, until, watch, WAIT_MS } from './browser.mjs';
import { run, saw, step } from './steps.mjs';

const [url, ...words] = process.argv.slice(2);
const options = new Map(words.map((word) => step(word.replace(/^--/, ''))));
const browser = await browse();

async function person(name, room, viewport) {
  const context = await browser.createBrowserContext();
  const page = await watch(await context.newPage(), viewport, options.has('dark'));
  await page.goto(url, { timeout: WAIT_MS, waitUntil: 'load' });
  await page.locator(by('join-name')).setTimeout(WAIT_MS).fill(name);
  await page.locator(by('join-room')).setTimeout(WAIT_MS).fill(room);
  await page.locator(by('join-submit')).setTimeout(WAIT_MS).click();
  await until(page, (title, text) => document.querySelector(title).textContent === text, by('room-title'), room);
  await online(page);
  return page;
}

const online = (page) => until(page, (status) => document.querySelector(status).dataset.state === 'online', by('status'));

async function say(page, text) {
  await page.locator(by('composer-input')).setTimeout(WAIT_MS).fill(text);
  await page.locator(by('send')).setTimeout(WAIT_MS).click();
}

/** Waits for a line with this text, own or not, and exactly once. */
async function sees(page, text, own) {
  await until(page, (selector, wanted, flag) => {
    const lines = [...document.querySelectorAll(selector)].filter((line) => line.querySelector('.bubble').textContent === wanted);
    return lines.length === 1 && lines[0].dataset.own === flag && lines[0].dataset.state !== 'pending';
  }, by('message'), text, String(own));
}

const present = (page, names) => until(page, (selector, wanted) => {
  const here = [...document.querySelectorAll(selector)].map((member) => member.dataset.name).sort();
  return JSON.stringify(here) === wanted;
}, by('member'), JSON.stringify([...names].sort()));

const noticed = (page, text) => until(page, (selector, wanted) =>
  [...document.querySelectorAll(selector)].some((notice) => notice.textContent.startsWith(wanted)), by('notice'), text);

async function converse() {
  const room = `harbour ${Math.random().toString(36).slice(2, 7)}`;
  const ada = await person('Ada', room, { width: 1100, height: 720 });
  const grace = await person('Grace', room, { width: 390, height: 780, isMobile: true, hasTouch: true });

  await check('presence', async () => { await present(ada, ['Ada', 'Grace']); await present(grace, ['Ada', 'Grace']); });
  await check('join notice', () => noticed(ada, 'Grace joined'));
  await check('talk one way', async () => {
    await say(ada, 'Good morning! Is the tide in?');
    await sees(ada, 'Good morning! Is the tide in?', true);
    await sees(grace, 'Good morning! Is the tide in?', false);
  });
  await check('talk the other way', async () => {
    await say(grace, 'High water at 09:42.');
    await sees(grace, 'High water at 09:42.', true);
    await sees(ada, 'High water at 09:42.', false);
  });
  await check('markup is text', async () => {
    const markup = '<img src=x onerror="alert(1)"><b>bold</b>';
    await say(grace, markup);
    await sees(ada, markup, false);
  });
  await check('new name', async () => {
    await ada.locator(by('rename-name')).setTimeout(WAIT_MS).fill('Ada L.');
    await ada.locator(by('rename')).setTimeout(WAIT_MS).click();
    await present(grace, ['Ada L.', 'Grace']);
    await noticed(grace, 'Ada is now Ada L.');
  });
  await check('unread marker', async () => {
    for (let line = 1; line <= 30; line += 1) await say(ada, `ship ${line} of 30 is in`);
    await sees(grace, 'ship 30 of 30 is in', false);
    await grace.$eval('#scroller', (scroller) => { scroller.scrollTop = 0; });
    await say(ada, 'And one more?');
    await grace.waitForSelector(by('unread'), { timeout: WAIT_MS });
    await grace.waitForSelector(`${by('latest')}:not([hidden])`, { timeout: WAIT_MS });
    await grace.locator(by('latest')).setTimeout(WAIT_MS).click();
    await grace.waitForSelector(`${by('latest')}[hidden]`, { timeout: WAIT_MS });
  });
  await check('in order', async () => {
    const texts = await grace.$$eval(by('message-text'), (lines) => lines.map((line) => line.textContent));
    const ships = texts.filter((text) => text.startsWith('ship')).map((text) => Number(text.split(' ')[1]));
    if (ships.some((ship, index) => ship !== index + 1)) throw new Error(`ships came as ${ships}`);
  });
  await check('reconnect', async () => {
    await grace.evaluate('state.socket.close(4000)');   // the page's own state: the only way to cut a browser's socket
    await until(grace, (status) => document.querySelector(status).dataset.state !== 'online', by('status'));
    await online(grace);
    await until(grace, (last) => [...document.querySelectorAll(last)].some((line) => line.textContent === 'High water at 09:42.'), by('message-text'));
    await present(ada, ['Ada L.', 'Grace']);
    await say(grace, 'Back again.');
    await sees(ada, 'Back again.', false);
    await sees(grace, 'High water at 09:42.', true);
  });
  await check('leave', async () => {
    await grace.locator(by('people')).setTimeout(WAIT_MS).click();
    await grace.locator(by('leave')).setTimeout(WAIT_MS).click();
    await grace.waitForSelector(by('join-form'), { visible: true, timeout: WAIT_MS });
    await present(ada, ['Ada L.']);
  });
  await check('closed tab', async () => {
    await grace.locator(by('join-submit')).setTimeout(WAIT_MS).click();
    await present(ada, ['Ada L.', 'Grace']);
    await grace.close();
    await present(ada, ['Ada L.']);
  });
  await check('no script errors', async () => {
    const failures = [...ada.failures, ...grace.failures];
    if (failures.length) throw new Error(failures.join('; '));
  });
}

/** A picture for people: a short conversation in a room of its own, at a desk and (`-phone`) in a hand. */
async function picture(path) {
  const ada = await person('Ada', 'harbour', { width: 1100, height: 620 });
  const grace = await person('Grace', 'harbour', { width: 390, height: 700, isMobile: true, hasTouch: true, deviceScaleFactor: 2 });
  await present(ada, ['Ada', 'Grace']);
  for (const [page, text] of [
    [ada, 'Good morning! Is the tide in?'], [grace, 'High water at 09:42. The pilot boat is already out.'],
    [grace, 'Three ships are waiting in the roads ⚓'], [ada, 'Then let us open the gate.'],
  ]) {
    await say(page, text);
    await until(page === ada ? grace : ada, (bubble, wanted) => [...document.querySelectorAll(bubble)].at(-1)?.textContent === wanted, by('message-text'), text);
  }
  await ada.screenshot({ path });
  await grace.screenshot({ path: path.replace(/(\.\w+)?$/, '-phone$1') });
}

await run(async () => {
  try {
    await converse();
    if (options.has('screenshot')) await check('picture', () => picture(options.get('screenshot')));
    saw({ ok: true, checks });
  } finally {
    await browser.close();
  }
});
