// A function for the official Node.js runtime client (npm aws-lambda-ric): `aws-lambda-ric index.handler` in this folder.
//
// It answers with the event it got and the environment it runs in, so that a test can compare both. A message's body, or
// the query string of $connect, may ask for something else: {"do":"throw"}, {"do":"exit"}, {"do":"hang"},
// {"do":"large","bytes":N}, {"do":"log"}, {"do":"status","status":N}. Each event is first written to the file RECORD as a line.

import { appendFileSync } from 'node:fs';

const SHOWN = ['_HANDLER', 'AWS_REGION', 'AWS_DEFAULT_REGION', 'AWS_EXECUTION_ENV', 'AWS_ACCESS_KEY_ID', 'AWS_LAMBDA_FUNCTION_NAME',
  'AWS_LAMBDA_FUNCTION_VERSION', 'AWS_LAMBDA_FUNCTION_MEMORY_SIZE', 'AWS_LAMBDA_RUNTIME_API', 'LAMBDA_TASK_ROOT',
  'NODE_EXTRA_CA_CERTS', 'AWS_CA_BUNDLE', 'SSL_CERT_FILE', 'TZ', 'GREETING'];

const DO = {
  throw() { throw new TypeError('thrown on purpose'); },
  exit() { process.exit(3); },
  hang() { return new Promise(() => setInterval(() => {}, 60_000)); },
  large({ bytes }) { return { statusCode: 200, body: 'x'.repeat(Number(bytes)) }; },
  log() {
    console.log('to stdout on purpose');
    console.error('to stderr on purpose');
    return { statusCode: 200, body: 'logged' };
  },
  status({ status }) { return { statusCode: Number(status), body: `status ${status}` }; },
};

export async function handler(event, context) {
  if (process.env.RECORD) appendFileSync(process.env.RECORD, `${JSON.stringify(event)}\n`);
  const asked = event.body ? parse(event.body) : event.queryStringParameters;
  if (asked && Object.hasOwn(DO, asked.do)) return DO[asked.do](asked);
  const environment = Object.fromEntries(SHOWN.map((name) => [name, process.env[name]]));
  const { awsRequestId, functionName, memoryLimitInMB, invokedFunctionArn } = context;
  const remaining = context.getRemainingTimeInMillis();
  return {
    statusCode: 200,
    body: JSON.stringify({
      runtime: 'node', event, environment, context: { awsRequestId, functionName, memoryLimitInMB, invokedFunctionArn, remaining },
    }),
  };
}

function parse(body) {
  try {
    return JSON.parse(body);
  } catch {
    return undefined;
  }
}
