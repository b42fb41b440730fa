// npm ws as a client: ws_client.mjs URL [--subprotocol=NAME] [--header=NAME,VALUE] STEP...
//
//   send=TEXT  send-binary=BASE64  ping  receive  close  close=CODE,REASON  closed  drop
//
// The first line printed is the handshake: {"step":"open","subprotocol":""} or, refused, {"step":"open","status":403,"body":…},
// which ends the run. Each step then prints its line when it is done; `receive` and `closed` wait. `drop` cuts the TCP
// connection without a close frame.

import WebSocket from 'ws';
import { pair, run, saw, step, within } from './steps.mjs';

const [url, ...words] = process.argv.slice(2);
const options = words.filter((word) => word.startsWith('--')).map((word) => step(word.slice(2)));
const steps = words.filter((word) => !word.startsWith('--')).map(step);

const frames = [];
let heard = () => {};   // wakes the step that waits for a frame
let closed;             // the close event, once it has happened

function open() {
  const subprotocols = options.filter(([name]) => name === 'subprotocol').map(([, value]) => value);
  const headers = Object.fromEntries(options.filter(([name]) => name === 'header').map(([, value]) => pair(value)));
  const socket = new WebSocket(url, subprotocols, { headers, perMessageDeflate: false });
  socket.on('message', (data, isBinary) => {
    frames.push(isBinary ? { binary: data.toString('base64') } : { text: data.toString() });
    heard();
  });
  const end = new Promise((resolve) => {
    socket.on('close', (code, reason) => {
      closed = { code, reason: reason.toString() };
      heard();
      resolve(closed);
    });
  });
  const opened = new Promise((resolve, reject) => {
    socket.on('open', () => resolve({ subprotocol: socket.protocol }));
    socket.on('error', reject);
    socket.on('unexpected-response', async (_request, response) => {
      const body = Buffer.concat(await response.toArray()).toString();
      resolve({ status: response.statusCode, headers: response.headers, body });
    });
  });
  return { socket, opened, end };
}

async function receive() {
  while (frames.length === 0) {
    if (closed) throw new Error(`closed with ${closed.code} while waiting for a frame`);
    await new Promise((resolve) => { heard = resolve; });
  }
  return frames.shift();
}

const { socket, opened, end } = open();

const STEPS = {
  send: (text) => socket.send(text),
  'send-binary': (base64) => socket.send(Buffer.from(base64, 'base64')),
  ping: () => new Promise((resolve) => { socket.once('pong', () => resolve()); socket.ping('tide'); }),
  receive,
  close(argument) {
    const [code, reason] = pair(argument);
    if (code) socket.close(Number(code), reason); else socket.close();
    return end;
  },
  closed: () => end,
  drop: () => socket.terminate(),
};

await run(async () => {
  const handshake = await within(opened, 'open');
  saw({ step: 'open', ...handshake });
  if (handshake.status) return;
  for (const [name, argument] of steps) {
    if (!Object.hasOwn(STEPS, name)) throw new Error(`no such step: ${name}`);
    saw({ step: name, ...(await within(Promise.resolve(STEPS[name](argument)), name)) });
  }
});
