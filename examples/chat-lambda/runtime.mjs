// A small Lambda runtime: fetches events from the Runtime API and hands them to a handler, as the official client (npm
// aws-lambda-ric) does, without its native build. On AWS the Node.js runtime does this; this file is not deployed.
// Started as `node runtime.mjs index.handler`. AWS: "Using the Lambda runtime API for custom runtimes".

import http from 'node:http';
import path from 'node:path';
import { pathToFileURL } from 'node:url';

const [host, port] = process.env.AWS_LAMBDA_RUNTIME_API.split(':');
const agent = new http.Agent({ keepAlive: true });

/** One call of the Runtime API. Waiting for the next event may take for ever, so there is no timeout. */
function call(method, resource, body, headers = {}) {
  return new Promise((resolve, reject) => {
    const options = { host, port, method, path: `/2018-06-01/runtime/${resource}`, agent, headers };
    const request = http.request(options, async (response) => {
      try {
        const chunks = await response.toArray();
        resolve({ headers: response.headers, body: Buffer.concat(chunks).toString() });
      } catch (error) {
        reject(error);
      }
    });
    request.on('error', reject);
    request.end(body);
  });
}

function report(resource, error) {
  console.error(error);
  const errorType = error?.name ?? 'Error';
  const failure = { errorType, errorMessage: String(error?.message ?? error), stackTrace: error?.stack?.split('\n') ?? [] };
  return call('POST', resource, JSON.stringify(failure), { 'Lambda-Runtime-Function-Error-Type': errorType });
}

async function load(name) {
  const [file, exported] = name.split('.');
  const module = await import(pathToFileURL(path.resolve(`${file}.mjs`)));
  if (typeof module[exported] !== 'function') throw new Error(`${file}.mjs exports no function ${exported}`);
  return module[exported];
}

let handler;
try {
  handler = await load(process.argv[2] ?? process.env._HANDLER);
} catch (error) {
  await report('init/error', error);
  process.exit(1);
}

for (;;) {
  const { headers, body } = await call('GET', 'invocation/next');
  const awsRequestId = headers['lambda-runtime-aws-request-id'];
  const deadline = Number(headers['lambda-runtime-deadline-ms']);
  process.env._X_AMZN_TRACE_ID = headers['lambda-runtime-trace-id'] ?? '';
  const context = {
    awsRequestId,
    invokedFunctionArn: headers['lambda-runtime-invoked-function-arn'],
    functionName: process.env.AWS_LAMBDA_FUNCTION_NAME,
    getRemainingTimeInMillis: () => deadline - Date.now(),
  };
  try {
    const answer = await handler(JSON.parse(body), context);
    await call('POST', `invocation/${awsRequestId}/response`, JSON.stringify(answer ?? null));
  } catch (error) {
    await report(`invocation/${awsRequestId}/error`, error);
  }
}
