//! What the gateway of one test says at WARN and above.
//!
//! A test runs on a single thread, so a subscriber of that thread hears its gateway and no other.

use std::io;
use std::sync::{Arc, Mutex, PoisonError};

use tracing::level_filters::LevelFilter;
use tracing::subscriber::DefaultGuard;

/// Listens from its making until it is dropped.
pub(crate) struct Log {
    text: Text,
    _guard: DefaultGuard,
}

#[derive(Clone, Default)]
struct Text(Arc<Mutex<Vec<u8>>>);

impl io::Write for Text {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let mut text = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        text.extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl Log {
    pub(crate) fn listen() -> Self {
        let text = Text::default();
        let writer = text.clone();
        let subscriber = tracing_subscriber::fmt()
            .with_max_level(LevelFilter::WARN)
            .with_ansi(false)
            .without_time()
            .with_writer(move || writer.clone())
            .finish();
        Self {
            text,
            _guard: tracing::subscriber::set_default(subscriber),
        }
    }

    fn lines(&self) -> Vec<String> {
        let text = self.text.0.lock().unwrap_or_else(PoisonError::into_inner);
        let text = String::from_utf8_lossy(&text);
        text.lines().map(str::to_owned).collect()
    }

    /// Every line has one of the expected pieces of text, and every expected piece is in some line.
    pub(crate) fn check(&self, expected: &[&str]) {
        let lines = self.lines();
        for line in &lines {
            let known = expected.iter().any(|piece| line.contains(piece));
            assert!(known, "an unexpected warning: {line}");
        }
        for piece in expected {
            let heard = lines.iter().any(|line| line.contains(piece));
            assert!(heard, "no warning says {piece:?}: {lines:#?}");
        }
    }
}
