//! Work that takes a processor rather than waits.

use tokio::runtime::Handle;

/// A bounded pool of threads for parsing and cryptography of imports, apart from the threads that answer requests.
/// Jobs are short (a batch of rows) and run in the order in which they come, so that imports share it fairly.
///
/// The bound is the runtime's own. A semaphore in front of it would hand its permits to jobs that nobody polls.
#[derive(Clone)]
pub struct CpuPool {
    threads: Handle,
    width: usize,
}

impl CpuPool {
    /// The blocking threads, `width` of them, of a runtime that should be there for this alone.
    #[must_use]
    pub fn new(threads: Handle, width: usize) -> Self {
        Self { threads, width }
    }

    /// How many jobs run at once.
    #[must_use]
    pub fn width(&self) -> usize {
        self.width
    }

    /// Runs a job and waits for it. A panic of the job is the caller's.
    pub async fn run<T: Send + 'static>(&self, job: impl FnOnce() -> T + Send + 'static) -> T {
        match self.threads.spawn_blocking(job).await {
            Ok(done) => done,
            Err(failed) => std::panic::resume_unwind(failed.into_panic()),
        }
    }
}
