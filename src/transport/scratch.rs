//! Room to read into, one for each thread: whatever waits for bytes owns no buffer.

use std::cell::RefCell;

use tokio::io::ReadBuf;

/// Most bytes that are read at a time.
const SCRATCH_BYTES: usize = 64 * 1024;

thread_local! {
    static SCRATCH: RefCell<Box<[u8]>> = RefCell::new(vec![0; SCRATCH_BYTES].into());
}

/// Lends the room, empty, to `read`, which must not ask for it again.
pub(super) fn with<T>(read: impl FnOnce(&mut ReadBuf<'_>) -> T) -> T {
    SCRATCH.with_borrow_mut(|scratch| read(&mut ReadBuf::new(scratch)))
}
