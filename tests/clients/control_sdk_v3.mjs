// The AWS SDK for JavaScript v3 on the control plane: control_sdk_v3.mjs, with one call on each line of its input.
//
//   OPERATION JSON
//
// As control_boto3.py, without its `operations`.

import process from 'node:process';
import readline from 'node:readline';

import * as connections from '@aws-sdk/client-apigatewaymanagementapi';
import * as control from '@aws-sdk/client-apigatewayv2';
import { run, saw, within } from './steps.mjs';

const settings = { maxAttempts: 1 };   // a retry would hide a refusal
const controlClient = new control.ApiGatewayV2Client(settings);
const connectionsClient = new connections.ApiGatewayManagementApiClient(settings);

function send(name, given) {
  if (name === 'post') {
    const push = { ConnectionId: given.id, Data: Buffer.from(given.data) };
    return connectionsClient.send(new connections.PostToConnectionCommand(push));
  }
  return controlClient.send(new control[`${name}Command`](given));
}

await run(async () => {
  for await (const line of readline.createInterface({ input: process.stdin })) {
    const at = line.indexOf(' ');
    const [name, given] = [line.slice(0, at), JSON.parse(line.slice(at + 1))];
    try {
      const { $metadata, ...answer } = await within(send(name, given), name);
      // A document comes as bytes.
      if (answer.body instanceof Uint8Array) answer.body = Buffer.from(answer.body).toString();
      saw({ status: $metadata.httpStatusCode, answer });
    } catch (error) {
      if (error.$metadata?.httpStatusCode === undefined) throw error;
      saw({ exception: error.constructor.name, status: error.$metadata.httpStatusCode, message: error.message });
    }
  }
});
