//! Work that takes a processor rather than waits.

use std::sync::Arc;
use tokio::runtime::Handle;
use tokio::sync::Semaphore;

/// A bounded pool of threads for parsing and cryptography of imports, apart from the threads that answer requests.
/// Jobs are short (a batch of rows), so that imports share it fairly.
#[derive(Clone)]
pub struct CpuPool {
    threads: Handle,
    free: Arc<Semaphore>,
    width: usize,
}

impl CpuPool {
    /// A pool of `width` jobs at once on the blocking threads of a runtime, which should be there for this alone.
    #[must_use]
    pub fn new(threads: Handle, width: usize) -> Self {
        Self { threads, free: Arc::new(Semaphore::new(width)), width }
    }

    /// How many jobs run at once.
    #[must_use]
    pub fn width(&self) -> usize {
        self.width
    }

    /// Runs a job and waits for it. A panic of the job is the caller's.
    pub async fn run<T: Send + 'static>(&self, job: impl FnOnce() -> T + Send + 'static) -> T {
        let permit =
            Arc::clone(&self.free).acquire_owned().await.expect("the pool's semaphore is never closed");
        let work = move || {
            let done = job();
            drop(permit);
            done
        };
        match self.threads.spawn_blocking(work).await {
            Ok(done) => done,
            Err(failed) => std::panic::resume_unwind(failed.into_panic()),
        }
    }
}
