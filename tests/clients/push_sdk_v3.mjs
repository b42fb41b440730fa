// The AWS SDK for JavaScript v3 on @connections: push_sdk_v3.mjs ENDPOINT STEP...
//
//   post=ID,TEXT  post-binary=ID,BASE64  post-size=ID,BYTES  get=ID  delete=ID
//
// Credentials and region come from the usual AWS_ variables, a development CA from NODE_EXTRA_CA_CERTS. Each step prints
// {"step":"post","status":200} with what `get` returned, or {"step":"post","exception":"GoneException","status":410,…}, where
// the exception is the class that was thrown and "code" the service's name for it.

import {
  ApiGatewayManagementApiClient,
  DeleteConnectionCommand,
  GetConnectionCommand,
  PostToConnectionCommand,
} from '@aws-sdk/client-apigatewaymanagementapi';
import { pair, run, saw, step, within } from './steps.mjs';

const [endpoint, ...words] = process.argv.slice(2);
const region = process.env.AWS_REGION ?? 'us-east-1';
const client = new ApiGatewayManagementApiClient({ endpoint, region, maxAttempts: 1 });   // a retry would hide a 429

function post(id, data) {
  return new PostToConnectionCommand({ ConnectionId: id, Data: data });
}

const STEPS = {
  post: (id, text) => post(id, Buffer.from(text)),
  'post-binary': (id, base64) => post(id, Buffer.from(base64, 'base64')),
  'post-size': (id, bytes) => post(id, Buffer.alloc(Number(bytes), 'x')),
  get: (id) => new GetConnectionCommand({ ConnectionId: id }),
  delete: (id) => new DeleteConnectionCommand({ ConnectionId: id }),
};

await run(async () => {
  for (const [name, argument] of words.map(step)) {
    if (!Object.hasOwn(STEPS, name)) throw new Error(`no such step: ${name}`);
    try {
      const { $metadata, ...answer } = await within(client.send(STEPS[name](...pair(argument))), name);
      saw({ step: name, status: $metadata.httpStatusCode, ...answer });
    } catch (error) {
      if (error.$metadata?.httpStatusCode === undefined) throw error;
      const { name: code, message, $metadata } = error;
      saw({ step: name, exception: error.constructor.name, code, status: $metadata.httpStatusCode, message });
    }
  }
});
