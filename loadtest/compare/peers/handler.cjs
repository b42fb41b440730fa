// The Lambda function behind serverless-offline: says who a connection is, and sends every other message back.
exports.handler = async (event) => {
  if (event.body === "whoami") {
    return { statusCode: 200, body: JSON.stringify({ connectionId: event.requestContext.connectionId }) };
  }
  return { statusCode: 200, body: event.body ?? "" };
};
