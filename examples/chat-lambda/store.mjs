// Who is in which room, and each room's last messages, in the memory of this one process: enough while
// `reservedConcurrency` is 1, and gone when the process is.
//
// Every function is awaited by its caller, so that a table can take this file's place. With DynamoDB: one table, keys
// `pk` and `sk`; a member is `ROOM#{room}` / `MEMBER#{connectionId}` with a second item `CONNECTION#{connectionId}` / `-`
// that names its room (both written by one TransactWriteItems); a message is `ROOM#{room}` / `MESSAGE#{at}#{id}` with a
// time to live. `members` and `history` are then one Query each, `find` a GetItem, `remove` a TransactWriteItems.

const HISTORY_KEPT = 50;
const ROOMS_KEPT = 1000;

const rooms = new Map();   // room name → { members: Map of connection id → member, history: messages, oldest first }
const seats = new Map();   // connection id → room name

/** Adds a member, or replaces the one of the same connection. */
export async function add(member) {
  const room = rooms.get(member.room) ?? open(member.room);
  room.members.set(member.connectionId, member);
  seats.set(member.connectionId, member.room);
}

/** Removes and returns the member of a connection; undefined when there is none. */
export async function remove(connectionId) {
  const member = await find(connectionId);
  seats.delete(connectionId);
  if (member) rooms.get(member.room).members.delete(connectionId);
  return member;
}

export async function find(connectionId) {
  return rooms.get(seats.get(connectionId))?.members.get(connectionId);
}

export async function members(room) {
  return [...(rooms.get(room)?.members.values() ?? [])];
}

/** Appends a message to its room's history. */
export async function keep(message) {
  const history = rooms.get(message.room)?.history;
  if (!history) return;
  history.push(message);
  if (history.length > HISTORY_KEPT) history.shift();
}

export async function history(room) {
  return [...(rooms.get(room)?.history ?? [])];
}

/** A room outlives its members for its history's sake, until there are too many such rooms. */
function open(name) {
  if (rooms.size >= ROOMS_KEPT) {
    const empty = [...rooms].find(([, room]) => room.members.size === 0);
    if (empty) rooms.delete(empty[0]);
  }
  const room = { members: new Map(), history: [] };
  rooms.set(name, room);
  return room;
}
