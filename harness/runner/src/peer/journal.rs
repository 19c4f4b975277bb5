//! Lists that grow while others read them and wait for more.

use std::sync::{Mutex, MutexGuard, PoisonError};

use tokio::sync::watch;

/// What happened, in order. Nothing is ever taken out, so that a place in it stays what it was.
#[derive(Debug)]
pub(crate) struct Journal<T> {
    entries: Mutex<Vec<T>>,
    length: watch::Sender<usize>,
}

impl<T> Default for Journal<T> {
    fn default() -> Self {
        Self {
            entries: Mutex::default(),
            length: watch::Sender::new(0),
        }
    }
}

impl<T: Clone> Journal<T> {
    pub(crate) fn push(&self, entry: T) {
        let mut entries = self.entries();
        entries.push(entry);
        self.length.send_replace(entries.len());
    }

    pub(crate) fn len(&self) -> usize {
        self.entries().len()
    }

    /// The entries from number `from` on.
    pub(crate) fn since(&self, from: usize) -> Vec<T> {
        self.entries().get(from..).unwrap_or_default().to_vec()
    }

    fn get(&self, number: usize) -> Option<T> {
        self.entries().get(number).cloned()
    }

    /// Shows the entries from number `from` on to `look`, each once, those to come too, until it returns something.
    /// Cancel-safe.
    pub(crate) async fn until<R>(&self, from: usize, mut look: impl FnMut(&T) -> Option<R>) -> R {
        let mut lengths = self.length.subscribe();
        let mut next = from;
        loop {
            lengths.borrow_and_update();
            // One by one: whoever waits for the next only must not copy all that has come since.
            while let Some(entry) = self.get(next) {
                next += 1;
                if let Some(found) = look(&entry) {
                    return found;
                }
            }
            if lengths.changed().await.is_err() {
                return std::future::pending().await;
            }
        }
    }

    fn entries(&self) -> MutexGuard<'_, Vec<T>> {
        self.entries.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::sync::Arc;

    #[tokio::test]
    async fn shows_each_once_and_waits_for_more() {
        let journal = Arc::new(Journal::default());
        journal.push(1);
        journal.push(2);
        let waiting = tokio::spawn({
            let journal = Arc::clone(&journal);
            async move {
                let mut seen = Vec::new();
                journal
                    .until(1, |n| {
                        seen.push(*n);
                        (*n == 4).then_some(())
                    })
                    .await;
                seen
            }
        });
        tokio::task::yield_now().await;
        journal.push(3);
        journal.push(4);
        journal.push(5);
        assert_eq!(waiting.await.unwrap(), [2, 3, 4]);
        assert_eq!((journal.len(), journal.since(3)), (5, vec![4, 5]));
        assert!(journal.since(99).is_empty());
    }
}
