//! A stage: one published form of an API, and how its connections behave.

use std::collections::BTreeMap;
use std::net::IpAddr;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use connection_store::OutboxLimits;

use crate::base::quotas;
use crate::lang::selection::SelectionExpression;
use crate::plan::access_log::AccessLog;
use crate::plan::route::Routes;
use crate::plan::usage::ApiKeySource;

/// What all stages of an API share.
#[derive(Debug)]
pub struct Api {
    /// `apiId`: the key in the definition file.
    pub id: Arc<str>,
    /// Display name.
    pub name: String,
    /// What its clients speak.
    pub protocol: Protocol,
    /// Where clients show their API keys.
    pub api_key_source: ApiKeySource,
    /// Region in ARNs and signatures.
    pub region: Arc<str>,
    /// Twelve digits, in ARNs.
    pub account_id: Arc<str>,
    /// `disableExecuteApiEndpoint`: whether it answers under custom domain names only.
    pub closed: bool,
    /// `ipAddressType: ipv4`: whether its own address is not for clients with IPv6.
    pub ipv4_only: bool,
}

impl Api {
    /// Whether a client may call it at its own address, apart from custom domain names.
    pub fn is_open_to(&self, client: IpAddr) -> bool {
        let is_foreign = self.ipv4_only && client.to_canonical().is_ipv6();
        !self.closed && !is_foreign
    }
}

/// `protocolType`, with what only one protocol has.
#[derive(Debug)]
pub enum Protocol {
    /// `WEBSOCKET`.
    WebSocket {
        /// Chooses the route of a message.
        route_selection: SelectionExpression,
    },
    /// `HTTP`.
    Http,
}

/// One stage of an API, with everything an exchange needs.
#[derive(Debug)]
pub struct Stage {
    /// The API it publishes.
    pub api: Arc<Api>,
    /// `stageName`, as in URLs.
    pub name: Arc<str>,
    /// `stageVariables`.
    pub variables: BTreeMap<String, String>,
    /// Where events go.
    pub routes: Routes,
    /// How its connections behave.
    pub connections: Arc<ConnectionSettings>,
    /// Where a line for each exchange goes.
    pub access_log: Option<AccessLog>,
    /// An HTML page that a plain GET of the stage's URL answers with, in place of 426.
    pub page: Option<Bytes>,
}

impl Stage {
    /// `arn:aws:execute-api:{region}:{account}:{api}/{stage}/{tail}`, which policies speak of.
    pub fn execute_api_arn(&self, tail: &str) -> String {
        let (api, stage) = (&self.api, &self.name);
        let (region, account) = (&api.region, &api.account_id);
        let parts = [
            "arn:aws:execute-api:",
            region,
            ":",
            account,
            ":",
            &api.id,
            "/",
            stage,
            "/",
            tail,
        ];
        parts.concat()
    }
}

/// What becomes of a binary frame.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum BinaryFrames {
    /// The connection is closed with 1003, as Amazon does.
    #[default]
    Close,
    /// It reaches `$default` with `isBase64Encoded: true`.
    Accept,
}

/// How the connections of a stage behave; `None` lifts a limit.
#[derive(Debug, Clone, PartialEq)]
pub struct ConnectionSettings {
    /// Longest silence.
    pub idle_timeout: Option<Duration>,
    /// Longest life.
    pub duration: Option<Duration>,
    /// Largest frame from the client, in payload bytes.
    pub frame_bytes: Option<usize>,
    /// Largest message from the client, in payload bytes.
    pub message_bytes: Option<usize>,
    /// Most frames that one message may be made of.
    pub fragments: Option<usize>,
    /// Sustained frames a second of any kind; twice as many may come at once.
    pub frames_per_second: Option<u32>,
    /// Longest time from the first byte of a message to its last.
    pub assembly_timeout: Option<Duration>,
    /// Bounds of the outgoing queue.
    pub outbox: OutboxLimits,
    /// Messages of one connection that may be with integrations at a time.
    pub in_flight: usize,
    /// What becomes of a binary frame.
    pub binary_frames: BinaryFrames,
    /// How often the gateway sends a ping; a peer that stays silent for as long again is gone.
    pub ping: Option<Duration>,
    /// Whether a client's pings count as activity.
    pub pings_reset_idle: bool,
}

impl Default for ConnectionSettings {
    fn default() -> Self {
        Self {
            idle_timeout: Some(quotas::IDLE_TIMEOUT),
            duration: Some(quotas::CONNECTION_DURATION),
            frame_bytes: Some(quotas::FRAME_BYTES),
            message_bytes: Some(quotas::MESSAGE_BYTES),
            fragments: Some(1024),
            frames_per_second: Some(1000),
            assembly_timeout: Some(Duration::from_secs(30)),
            outbox: OutboxLimits {
                messages: 64,
                bytes: 512 * 1024,
            },
            in_flight: 16,
            binary_frames: BinaryFrames::Close,
            ping: None,
            pings_reset_idle: false,
        }
    }
}
