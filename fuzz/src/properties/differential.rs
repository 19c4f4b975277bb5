//! Readers beside each other.

use crate::{differences, readers};

/// Every reader in this process says of a document what ours says, known differences aside.
pub fn differential(bytes: &[u8]) {
    let found = differences::new_differences(readers::in_process(), bytes);
    assert!(found.is_empty(), "{}\n{found:#?}", bytes.escape_ascii());
}
