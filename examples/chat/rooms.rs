//! Who is in which room, and what is to be told to whom. No sockets in here.

use std::collections::{HashMap, VecDeque};

use serde_json::{Value, json};

const NAME_LENGTH: usize = 32;
const TEXT_LENGTH: usize = 2000;
const REF_LENGTH: usize = 32;
const MEMBERS: usize = 100;
const HISTORY: usize = 50;

/// One frame for one connection.
pub(crate) struct Frame {
    /// The connection.
    pub to: String,
    /// What to send.
    pub body: Value,
}

impl Frame {
    /// A complaint that the page shows.
    pub(crate) fn error(to: &str, text: &str) -> Self {
        Self {
            to: to.to_owned(),
            body: json!({ "type": "error", "text": text }),
        }
    }
}

struct Member {
    connection: String,
    id: String,
    name: String,
}

impl Member {
    fn json(&self) -> Value {
        json!({ "id": self.id, "name": self.name })
    }
}

#[derive(Default)]
struct Room {
    members: Vec<Member>,
    history: VecDeque<Value>,
}

impl Room {
    fn tell_all(&self, body: &Value) -> Vec<Frame> {
        let frame = |member: &Member| Frame {
            to: member.connection.clone(),
            body: body.clone(),
        };
        self.members.iter().map(frame).collect()
    }

    fn list(&self) -> Vec<Value> {
        self.members.iter().map(Member::json).collect()
    }

    /// A notice and the new list, for everybody.
    fn announce(&self, room: &str, mut notice: Value, now: u64) -> Vec<Frame> {
        notice["type"] = "notice".into();
        notice["room"] = room.into();
        notice["at"] = now.into();
        let mut frames = self.tell_all(&notice);
        let list = json!({ "type": "members", "room": room, "members": self.list() });
        frames.extend(self.tell_all(&list));
        frames
    }
}

/// All rooms of the chat.
#[derive(Default)]
pub(crate) struct Rooms {
    rooms: HashMap<String, Room>,
    room_of: HashMap<String, String>,
    counter: u64,
}

impl Rooms {
    /// Somebody enters a room, leaving the one they were in.
    pub(crate) fn join(&mut self, connection: &str, message: &Value, now: u64) -> Vec<Frame> {
        let room = text(&message["room"], NAME_LENGTH);
        let name = text(&message["name"], NAME_LENGTH);
        let (Some(room), Some(name)) = (room, name) else {
            return vec![Frame::error(
                connection,
                "Room and name take 1 to 32 characters.",
            )];
        };
        if self
            .rooms
            .get(&room)
            .is_some_and(|room| room.members.len() >= MEMBERS)
        {
            return vec![Frame::error(connection, "The room is full.")];
        }
        let mut frames = self.leave(connection, now);
        self.counter += 1;
        let you = Member {
            connection: connection.to_owned(),
            id: format!("m{}", self.counter),
            name,
        };
        let entered = self.rooms.entry(room.clone()).or_default();
        let notice = json!({ "kind": "joined", "name": you.name });
        let welcome = you.json();
        let others = entered.tell_all(&json!({
            "type": "notice", "room": room, "kind": "joined", "name": notice["name"], "at": now,
        }));
        entered.members.push(you);
        let history: Vec<_> = entered.history.iter().cloned().collect();
        frames.push(Frame {
            to: connection.to_owned(),
            body: json!({
                "type": "welcome", "you": welcome, "room": room, "members": entered.list(), "history": history,
            }),
        });
        frames.extend(others);
        let list = json!({ "type": "members", "room": room, "members": entered.list() });
        let listed = entered.tell_all(&list).into_iter();
        frames.extend(listed.filter(|frame| frame.to != connection));
        self.room_of.insert(connection.to_owned(), room);
        frames
    }

    /// Somebody leaves, by word or because they are gone.
    pub(crate) fn leave(&mut self, connection: &str, now: u64) -> Vec<Frame> {
        let Some(name) = self.room_of.remove(connection) else {
            return Vec::new();
        };
        let Some(room) = self.rooms.get_mut(&name) else {
            return Vec::new();
        };
        let Some(place) = room
            .members
            .iter()
            .position(|member| member.connection == connection)
        else {
            return Vec::new();
        };
        let left = room.members.remove(place);
        let frames = room.announce(&name, json!({ "kind": "left", "name": left.name }), now);
        if room.members.is_empty() {
            // An empty room is forgotten, its history with it: nothing here grows without bound.
            self.rooms.remove(&name);
        }
        frames
    }

    /// Somebody says something.
    pub(crate) fn send(&mut self, connection: &str, message: &Value, now: u64) -> Vec<Frame> {
        let Some(text) = text(&message["text"], TEXT_LENGTH) else {
            return vec![Frame::error(
                connection,
                "A message takes 1 to 2000 characters.",
            )];
        };
        self.counter += 1;
        let id = format!("t{}", self.counter);
        let Some((name, room, place)) = self.whereabouts(connection) else {
            return vec![Frame::error(connection, "Join a room first.")];
        };
        let from = room.members.get(place).map(Member::json);
        let mut said = json!({
            "type": "message", "id": id, "room": name, "from": from, "text": text, "at": now,
        });
        room.history.push_back(said.clone());
        if room.history.len() > HISTORY {
            room.history.pop_front();
        }
        if let Some(reference) = self::text(&message["ref"], REF_LENGTH) {
            said["ref"] = reference.into();
        }
        room.tell_all(&said)
    }

    /// Somebody takes another name.
    pub(crate) fn rename(&mut self, connection: &str, message: &Value, now: u64) -> Vec<Frame> {
        let Some(wanted) = text(&message["name"], NAME_LENGTH) else {
            return vec![Frame::error(connection, "A name takes 1 to 32 characters.")];
        };
        let Some((name, room, place)) = self.whereabouts(connection) else {
            return vec![Frame::error(connection, "Join a room first.")];
        };
        let Some(member) = room.members.get_mut(place) else {
            return Vec::new();
        };
        let previous = std::mem::replace(&mut member.name, wanted.clone());
        let mut frames = vec![Frame {
            to: connection.to_owned(),
            body: json!({ "type": "renamed", "you": member.json() }),
        }];
        let notice = json!({ "kind": "renamed", "name": wanted, "previous": previous });
        frames.extend(room.announce(&name, notice, now));
        frames
    }

    fn whereabouts(&mut self, connection: &str) -> Option<(String, &mut Room, usize)> {
        let name = self.room_of.get(connection)?.clone();
        let room = self.rooms.get_mut(&name)?;
        let mut members = room.members.iter();
        let place = members.position(|member| member.connection == connection)?;
        Some((name, room, place))
    }
}

/// Trimmed text of 1 to `limit` characters.
fn text(value: &Value, limit: usize) -> Option<String> {
    let text = value.as_str()?.trim();
    (1..=limit)
        .contains(&text.chars().count())
        .then(|| text.to_owned())
}
