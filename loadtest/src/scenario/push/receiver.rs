//! A connection that receives: learns its id, then enters every receipt in its account.

use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Instant;

use bytes::Bytes;
use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};

use super::channel::Channel;
use super::shared::Shared;
use crate::client::{self, Socket};
use crate::measure::Failure;
use crate::measure::ledger::Receipt;
use crate::measure::marker::Marker;
use crate::run::{Arrival, CLOSE_TIMEOUT, count};

/// What an id keeps in a path: the unreserved characters of RFC 3986, as the AWS SDKs do it.
const ENCODED: &AsciiSet = &NON_ALPHANUMERIC
    .remove(b'-')
    .remove(b'_')
    .remove(b'.')
    .remove(b'~');

/// Opens connection `number`, makes it ready and receives until released. Times count from `start`.
pub(super) async fn receive(shared: Arc<Shared>, start: Instant, number: u32, arrival: Arrival) {
    let run = &shared.run;
    let Some((mut socket, id)) = open(&shared, number).await else {
        return;
    };
    let path_id = utf8_percent_encode(&id, ENCODED).to_string();
    let channel = Arc::new(Channel::new(number, path_id));
    shared.enter(channel.clone());
    drop(arrival);
    let result = follow(&shared, start, &channel, &mut socket).await;
    channel.end();
    match result {
        // A payload that comes twice may come the second time now.
        Ok(()) => {
            let last = |payload: Bytes| enter(&shared, start, &channel, &payload);
            client::close(&mut socket, CLOSE_TIMEOUT, last).await;
            run.ended();
        }
        Err(failure) => run.dropped(&failure),
    }
}

/// Opens a connection that has an id. What fails is counted.
async fn open(shared: &Shared, number: u32) -> Option<(Socket, String)> {
    let run = &shared.run;
    let Some(source) = &shared.id_source else {
        let id = run.markers.text(Marker {
            connection: number,
            sequence: 0,
        });
        let socket = run.connect_as(&shared.dialer, number, &id).await?;
        return Some((socket, id));
    };
    let mut socket = run.connect(&shared.dialer, number).await?;
    match source.ask(&mut socket, shared.reply_timeout).await {
        Ok(id) => Some((socket, id)),
        Err(failure) => {
            run.dropped(&failure);
            None
        }
    }
}

/// Receives until released.
async fn follow(
    shared: &Shared,
    start: Instant,
    channel: &Channel,
    socket: &mut Socket,
) -> Result<(), Failure> {
    let mut release = shared.release.subscribe();
    let released = async { drop(release.wait_for(|release| *release).await) };
    let mut released = std::pin::pin!(released);
    loop {
        tokio::select! {
            biased;
            payload = client::receive(socket) => enter(shared, start, channel, &payload?),
            () = &mut released => return Ok(()),
        }
    }
}

fn enter(shared: &Shared, start: Instant, channel: &Channel, payload: &[u8]) {
    let now = Instant::now();
    let tallies = &shared.tallies;
    let Some((marker, intact)) = shared.payload.read(&shared.run.markers, payload) else {
        return count(&tallies.unidentified);
    };
    if marker.connection != channel.number {
        return count(&tallies.misdelivered);
    }
    if !intact {
        count(&tallies.corrupted);
    }
    let receipt = channel.ledger().receive(marker.sequence);
    let (departure, reordered) = match receipt {
        Receipt::First {
            departure,
            reordered,
        } => (departure, reordered),
        Receipt::Duplicate => return count(&tallies.duplicated),
        Receipt::NeverSent => return count(&tallies.unidentified),
    };
    if reordered {
        count(&tallies.reordered);
    }
    count(&shared.run.live.received);
    let elapsed = now.saturating_duration_since(start);
    let nanos = u64::try_from(elapsed.as_nanos()).unwrap_or(u64::MAX);
    tallies.last_receipt.fetch_max(nanos, Ordering::Relaxed);
    if let Some(departure) = departure {
        let task = channel.number as usize;
        let latency = now.saturating_duration_since(departure.sent);
        shared.run.main.record(task, latency);
        if shared.scheduled {
            let latency = now.saturating_duration_since(departure.scheduled);
            shared.receipt_from_schedule.record(task, latency);
        }
    }
}
