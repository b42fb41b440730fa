//! WebSocket connections, from the handshake to the last frame. See `LIFECYCLE.md` beside this file.

pub mod decoder;
pub mod encoder;
mod gate;
pub mod handshake;
mod mask;
mod meter;
mod pump;
#[cfg(test)]
mod sample;
pub mod session;
pub mod wheel;
