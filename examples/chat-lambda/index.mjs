// Chat handlers for an API Gateway WebSocket API: $connect, $disconnect, join, send, rename, leave, ping, $default.
// Nothing here knows of Tidegate. Deployed to AWS Lambda, this file runs as it stands; see README.md.

import {
  ApiGatewayManagementApiClient,
  GoneException,
  PostToConnectionCommand,
} from '@aws-sdk/client-apigatewaymanagementapi';
import { randomUUID } from 'node:crypto';
import * as store from './store.mjs';

const NAME_MOST = 32;
const TEXT_MOST = 2000;
const REF_MOST = 32;
const MEMBERS_MOST = 100;

const ACTIONS = { $connect: accept, $disconnect: leave, $default: unknown, join, send, rename, leave, ping };

export async function handler(event) {
  const { routeKey } = event.requestContext;
  const action = Object.hasOwn(ACTIONS, routeKey) ? ACTIONS[routeKey] : unknown;
  return (await action(event.requestContext, parse(event.body))) ?? { statusCode: 200 };
}

/** Nothing can be pushed before $connect has answered, so members come into being with `join`. */
function accept() {}

async function join(context, { room, name }) {
  const [roomName, memberName] = [label(room), label(name)];
  if (!roomName || !memberName) return refuse(context, `Room and name have 1 to ${NAME_MOST} characters.`);
  await depart(context);
  if ((await store.members(roomName)).length >= MEMBERS_MOST) return refuse(context, 'That room is full.');
  const member = { id: randomUUID().slice(0, 8), name: memberName, room: roomName, connectionId: context.connectionId };
  await store.add(member);
  const here = await store.members(roomName);
  await push(context, member, {
    type: 'welcome', you: face(member), room: roomName, members: here.map(face), history: await store.history(roomName),
  });
  const others = here.filter(({ id }) => id !== member.id);
  await tell(context, others, { type: 'notice', room: roomName, kind: 'joined', name: memberName, at: Date.now() });
  await tell(context, others, { type: 'members', room: roomName, members: here.map(face) });
}

async function send(context, { text, ref }) {
  const member = await store.find(context.connectionId);
  if (!member) return refuse(context, 'Join a room first.');
  const line = typeof text === 'string' ? text.trim() : '';
  if (!line || [...line].length > TEXT_MOST) return refuse(context, `A message has 1 to ${TEXT_MOST} characters.`);
  const message = { type: 'message', id: randomUUID(), room: member.room, from: face(member), text: line, at: Date.now() };
  if (typeof ref === 'string' && ref.length <= REF_MOST) message.ref = ref;
  await store.keep(message);
  await tell(context, await store.members(member.room), message);
}

async function rename(context, { name }) {
  const member = await store.find(context.connectionId);
  if (!member) return refuse(context, 'Join a room first.');
  const wanted = label(name);
  if (!wanted) return refuse(context, `A name has 1 to ${NAME_MOST} characters.`);
  const renamed = { ...member, name: wanted };
  await store.add(renamed);
  const here = await store.members(member.room);
  await push(context, renamed, { type: 'renamed', you: face(renamed) });
  await tell(context, here, { type: 'notice', room: member.room, kind: 'renamed', name: wanted, previous: member.name, at: Date.now() });
  await tell(context, here, { type: 'members', room: member.room, members: here.map(face) });
}

async function leave(context) {
  await depart(context);
}

/** The answer itself goes back: the route `ping` has a route response. */
function ping() {
  return { statusCode: 200, body: JSON.stringify({ type: 'pong' }) };
}

function unknown(context) {
  return refuse(context, 'That action is not known here.');
}

async function depart(context) {
  const member = await store.remove(context.connectionId);
  if (!member) return;
  const here = await store.members(member.room);
  await tell(context, here, { type: 'notice', room: member.room, kind: 'left', name: member.name, at: Date.now() });
  await tell(context, here, { type: 'members', room: member.room, members: here.map(face) });
}

async function refuse(context, text) {
  await push(context, { connectionId: context.connectionId }, { type: 'error', text });
}

async function tell(context, members, frame) {
  const data = JSON.stringify(frame);
  await Promise.all(members.map((member) => post(context, member.connectionId, data)));
}

async function push(context, { connectionId }, frame) {
  await post(context, connectionId, JSON.stringify(frame));
}

async function post(context, connectionId, data) {
  try {
    await connections(context).send(new PostToConnectionCommand({ ConnectionId: connectionId, Data: data }));
  } catch (error) {
    if (!(error instanceof GoneException)) return console.error('push failed', { connectionId, error: error.name });
    // The socket is gone and its $disconnect has not come yet, or never will.
    await depart({ ...context, connectionId });
  }
}

const clients = new Map();

function connections({ domainName, stage }) {
  const endpoint = `https://${domainName}/${stage}`;
  if (!clients.has(endpoint)) clients.set(endpoint, new ApiGatewayManagementApiClient({ endpoint }));
  return clients.get(endpoint);
}

function parse(body) {
  try {
    return JSON.parse(body) ?? {};
  } catch {
    return {};
  }
}

function label(value) {
  const trimmed = typeof value === 'string' ? value.trim() : '';
  return trimmed && [...trimmed].length <= NAME_MOST ? trimmed : undefined;
}

/** What other people may see of a member: not the connection id. */
function face({ id, name }) {
  return { id, name };
}
