//! A publisher: posts to its connections in turn, one POST under way.

use std::collections::VecDeque;
use std::sync::Arc;
use std::time::{Duration, Instant, SystemTime};

use bytes::Bytes;
use http::header::{CONTENT_TYPE, HOST};
use http::{HeaderValue, Request, StatusCode};
use http_body_util::Full;

use super::OnThrottle;
use super::channel::Channel;
use super::shared::{Session, Shared};
use crate::client::{HttpClient, Signer};
use crate::measure::Failure;
use crate::measure::marker::Marker;
use crate::measure::window::Departure;
use crate::pace::Timer;
use crate::run::count;

/// Pause before the first repetition of a refused POST; doubled for each further one.
const FIRST_PAUSE: Duration = Duration::from_millis(1);
/// Pause after a POST without an answer, so that a gateway that is away is not hammered.
const FAILURE_PAUSE: Duration = Duration::from_millis(10);
/// POSTs made ahead between two looks at what else is to do.
const MADE_AT_ONCE: u64 = 256;
/// Longest pause between repetitions.
const LONGEST_PAUSE: Duration = Duration::from_millis(100);

/// Posts to its connections.
#[derive(Debug)]
pub(super) struct Publisher {
    pub(super) shared: Arc<Shared>,
    pub(super) client: HttpClient,
    pub(super) timer: Timer,
    /// Management URL without a slash at its end.
    pub(super) base: String,
    /// Its path, likewise.
    pub(super) path: String,
    /// What follows it, with `{id}` for the connection's id.
    pub(super) post_path: String,
    pub(super) host: HeaderValue,
    pub(super) signer: Option<Signer>,
    pub(super) on_throttle: OnThrottle,
    /// What was made before the clock ran, in the order in which it will be posted.
    pub(super) ahead: VecDeque<Made>,
}

/// A payload on its way, and the POST that carries it.
#[derive(Debug)]
pub(super) struct Made {
    marker: Marker,
    payload: Bytes,
    request: Result<Request<Full<Bytes>>, Failure>,
}

/// What one POST came to.
enum Posted {
    Acknowledged,
    Throttled,
    Refused(StatusCode),
    Failed(Failure),
}

impl Publisher {
    /// Makes the first POSTs to `channels`, `number` of them, which [`Publisher::publish`] then only has to send.
    pub(super) async fn make_ahead(&mut self, number: u64, channels: &[Arc<Channel>]) {
        let turns = channels.iter().cycle().zip(0..number);
        for (channel, turn) in turns {
            let round = turn / channels.len() as u64;
            let sequence = channel.ledger().next() + round;
            self.ahead.push_back(self.make(channel, sequence));
            if turn.is_multiple_of(MADE_AT_ONCE) {
                tokio::task::yield_now().await;
                if self.shared.run.stop.requested() {
                    return;
                }
            }
        }
    }

    /// Posts to `channels` in turn until the session is over or no channel is left.
    /// `number` is the publisher's turn among the others.
    pub(super) async fn publish(
        &mut self,
        session: Session,
        number: u64,
        mut channels: Vec<Arc<Channel>>,
    ) {
        if let Err(failure) = self.client.connect().await {
            // The first POST tries again; only if that fails too is something not delivered.
            self.shared.run.failures.add(&failure);
        }
        let mut next = 0;
        for turn in 0_u64.. {
            let slot = number + turn * session.publishers;
            let due = session.schedule.map(|schedule| schedule.due(slot));
            let over = session.messages.is_some_and(|all| slot >= all)
                || session
                    .end
                    .is_some_and(|end| due.unwrap_or_else(Instant::now) >= end);
            if over || self.shared.run.stop.requested() {
                return;
            }
            let Some(channel) = channels.get(next).cloned() else {
                return;
            };
            if self.post_next(&channel, due).await {
                next += 1;
            } else {
                channels.swap_remove(next);
            }
            next = next.checked_rem(channels.len()).unwrap_or(0);
        }
    }

    /// Posts the next payload to `channel` when it is due; false if the channel is gone.
    async fn post_next(&mut self, channel: &Channel, due: Option<Instant>) -> bool {
        let sequence = channel.ledger().next();
        // Made and signed before it is due, so that the signing is not part of the latency.
        let Made {
            payload, request, ..
        } = self.next(channel, sequence);
        if let Some(due) = due {
            let stop = self.shared.run.stop.clone();
            tokio::select! {
                biased;
                slept = self.timer.sleep_until(due) => drop(slept),
                () = stop.wait() => return true,
            }
        }
        let sent = Instant::now();
        let departure = Departure {
            scheduled: due.unwrap_or(sent),
            sent,
        };
        channel.ledger().post(departure);
        count(&self.shared.run.live.sent);
        let mut posted = self.post(request, sent).await;
        if self.on_throttle == OnThrottle::Retry && matches!(posted, Posted::Throttled) {
            posted = self.retry(channel, &payload, departure, sequence).await;
        }
        self.settle(channel, sequence, posted).await
    }

    /// The POST of this payload: from those made ahead, if it is the next of them.
    fn next(&mut self, channel: &Channel, sequence: u64) -> Made {
        let marker = channel.marker(sequence);
        match self.ahead.pop_front() {
            Some(made) if made.marker == marker => {
                count(&self.shared.tallies.made_ahead);
                made
            }
            _ => self.make(channel, sequence),
        }
    }

    fn make(&self, channel: &Channel, sequence: u64) -> Made {
        let marker = channel.marker(sequence);
        let payload = self.shared.payload.bytes(&self.shared.run.markers, marker);
        Made {
            marker,
            request: self.request(channel, &payload),
            payload,
        }
    }

    async fn post(
        &mut self,
        request: Result<Request<Full<Bytes>>, Failure>,
        sent: Instant,
    ) -> Posted {
        let request = match request {
            Ok(request) => request,
            Err(failure) => return Posted::Failed(failure),
        };
        match self.client.send(request).await {
            Ok(answer) => {
                self.shared.post.record(0, sent.elapsed());
                self.shared.note_status(answer.status);
                match answer.status {
                    status if status.is_success() => Posted::Acknowledged,
                    StatusCode::TOO_MANY_REQUESTS => Posted::Throttled,
                    status => Posted::Refused(status),
                }
            }
            Err(failure) => Posted::Failed(failure),
        }
    }

    /// Posts a throttled payload again and again, within the reply timeout.
    async fn retry(
        &mut self,
        channel: &Channel,
        payload: &Bytes,
        departure: Departure,
        sequence: u64,
    ) -> Posted {
        let mut pause = FIRST_PAUSE;
        while departure.sent.elapsed() < self.shared.reply_timeout
            && !self.shared.run.stop.requested()
        {
            count(&self.shared.tallies.throttled);
            self.shared.run.pause(pause).await;
            pause = (pause * 2).min(LONGEST_PAUSE);
            let request = self.request(channel, payload);
            let sent = Instant::now();
            channel
                .ledger()
                .repost(sequence, Departure { sent, ..departure });
            match self.post(request, sent).await {
                Posted::Throttled => {}
                posted => return posted,
            }
        }
        Posted::Throttled
    }

    /// Enters what a POST came to; false if the channel is gone.
    async fn settle(&self, channel: &Channel, sequence: u64, posted: Posted) -> bool {
        let Shared { run, tallies, .. } = &*self.shared;
        match posted {
            Posted::Acknowledged => {
                count(&tallies.acknowledged);
                channel.ledger().acknowledge(sequence);
            }
            Posted::Throttled => {
                count(&tallies.throttled);
                channel.ledger().refuse(sequence);
            }
            Posted::Refused(status) => {
                run.failures.add(&Failure::Status(status.as_u16()));
                channel.ledger().refuse(sequence);
                return status != StatusCode::GONE;
            }
            Posted::Failed(failure) => {
                run.failures.add(&failure);
                count(&tallies.uncertain);
                run.pause(FAILURE_PAUSE).await;
            }
        }
        true
    }

    fn request(&self, channel: &Channel, payload: &Bytes) -> Result<Request<Full<Bytes>>, Failure> {
        let resource = self.post_path.replace("{id}", &channel.path_id);
        let malformed = |what: &str| Failure::Protocol(format!("unsendable request: {what}"));
        let mut request = Request::post(format!("{}{resource}", self.path))
            .header(HOST, self.host.clone())
            .header(CONTENT_TYPE, "application/octet-stream")
            .body(Full::new(payload.clone()))
            .map_err(|_| malformed("path"))?;
        if let Some(signer) = &self.signer {
            let uri = format!("{}{resource}", self.base);
            signer
                .sign(&mut request, &uri, payload, SystemTime::now())
                .map_err(|_| malformed("signature"))?;
        }
        Ok(request)
    }
}
