//! Calls that come at the same time, gathered into one statement.
//!
//! A call that has no company goes alone, and pays nothing for what is here. Otherwise its question waits, and one task
//! for all that wait, the *collector*, takes a connection as any call does. With it in hand it takes every question
//! that was asked until then, and sends them as one statement.
//!
//! - The statement begins after each of its questions was asked: no answer is older than its question.
//! - Nobody waits for company to come: the collector lets those ask who are about to, and then goes as soon as it may.
//! - The collector belongs to no caller. Who leaves drops nothing but an answer; what nobody waits for is not sent.
//! - Each question keeps its own deadline, that of a call.
//! - One question never spoils the others. Where the statement failed for a reason that may lie in one of them, or did
//!   nothing for one, the reply is [`Reply::Alone`], and the caller goes the way of a call alone.
//!
//! A call has company while others are being served, and as long as the last collector found several questions: on a
//! busy core each call may be answered before the next one is even read, with all of them waiting in their sockets.
//! Where the pool is not as large as it may be, calls go alone, and make it grow.
//!
//! Another kind of call that is to be gathered is another [`Together`].

use crate::error::{late, shared, storage_error};
use crate::pool::{Lent, Pool, now};
use gatepost_storage::StorageError;
use sqlx::Error;
use std::collections::VecDeque;
use std::future::Future;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use tokio::sync::{Semaphore, SemaphorePermit, oneshot};
use tokio::task::{JoinHandle, yield_now};
use tokio::time::{Instant, timeout_at};

/// So many questions fit into one statement.
const MOST: usize = 128;

/// Questions of one kind, which one statement can ask.
pub(crate) trait Together: Send + Sync + Sized + 'static {
    /// So many statements of several questions are on their way at once.
    const AT_ONCE: usize;

    type Question: Send + Sync;
    type Answer: Send;

    /// Whether one statement can ask both.
    fn fit(one: &Self::Question, other: &Self::Question) -> bool;

    /// Sends them as one statement, and replies to each in its place. An error is everybody's.
    fn send(
        &self,
        lent: &mut Lent,
        questions: &[Self::Question],
        deadline: Instant,
    ) -> impl Future<Output = Result<Vec<Reply<Self::Answer>>, Error>> + Send;
}

/// What a question came to.
pub(crate) enum Reply<A> {
    Answer(A),
    /// Nothing was done for it: it is to be asked alone.
    Alone,
}

/// Where questions of one kind wait for a connection.
pub(crate) struct Gathering<T: Together> {
    together: T,
    pool: Pool,
    places: Semaphore,
    /// Whether the last collector found several questions.
    is_crowded: AtomicBool,
    waiting: Mutex<Waiting<T>>,
}

struct Waiting<T: Together> {
    /// The oldest is at the front.
    asked: VecDeque<Asked<T>>,
    /// Gone when it has taken its questions.
    collector: Option<JoinHandle<()>>,
}

struct Asked<T: Together> {
    question: T::Question,
    deadline: Instant,
    caller: oneshot::Sender<Result<Reply<T::Answer>, StorageError>>,
}

impl<T: Together> Asked<T> {
    fn is_over(&self) -> bool {
        self.caller.is_closed() || self.deadline <= now()
    }
}

impl<T: Together> Gathering<T> {
    pub(crate) fn new(pool: Pool, together: T) -> Arc<Self> {
        let waiting = Mutex::new(Waiting { asked: VecDeque::new(), collector: None });
        let places = Semaphore::new(T::AT_ONCE);
        Arc::new(Self { together, pool, places, is_crowded: AtomicBool::new(false), waiting })
    }

    /// Whether a call that comes now is to ask together with others.
    pub(crate) fn has_company(&self) -> bool {
        (self.is_crowded.load(Ordering::Relaxed) || self.pool.is_in_use()) && !self.pool.has_to_grow()
    }

    /// Asks together with others.
    pub(crate) async fn ask(
        self: &Arc<Self>,
        question: T::Question,
        deadline: Instant,
    ) -> Result<Reply<T::Answer>, StorageError> {
        let (caller, answered) = oneshot::channel();
        self.wait(Asked { question, deadline, caller });
        let answer = timeout_at(deadline, answered).await.ok().and_then(Result::ok);
        // Without one the time is over; or the collector is, when the process ends.
        answer.unwrap_or_else(|| Err(storage_error(late())))
    }

    fn wait(self: &Arc<Self>, asked: Asked<T>) {
        let mut waiting = self.waiting();
        waiting.asked.push_back(asked);
        // One that ended before it took its questions was ended by its runtime.
        if waiting.collector.as_ref().is_none_or(JoinHandle::is_finished) {
            waiting.collector = Some(tokio::spawn(Arc::clone(self).collect()));
        }
    }

    async fn collect(self: Arc<Self>) {
        // Whoever is about to ask does so now.
        yield_now().await;
        let place = self.places.acquire().await.expect("nobody closes it");
        while let Some(deadline) = self.first_deadline() {
            match self.pool.lend(deadline).await {
                Ok(lent) => return self.serve(lent, place).await,
                // Only the oldest question has waited too long.
                Err(_) if deadline <= now() => {}
                Err(error) => return self.refuse(error),
            }
        }
    }

    /// Until when the oldest question waits. Without one, there is nothing to collect any more.
    fn first_deadline(&self) -> Option<Instant> {
        let mut waiting = self.waiting();
        while waiting.asked.pop_front_if(|asked| asked.is_over()).is_some() {}
        let deadline = waiting.asked.front().map(|asked| asked.deadline);
        if deadline.is_none() {
            waiting.collector = None;
        }
        deadline
    }

    async fn serve(self: &Arc<Self>, mut lent: Lent, place: SemaphorePermit<'_>) {
        let taken = self.take();
        self.is_crowded.store(taken.len() > 1, Ordering::Relaxed);
        // Of one question it is no better than a call alone, which nobody has to wait for.
        let _place = (taken.len() > 1).then_some(place);
        // Until nobody waits any more; each caller keeps its own time.
        let Some(deadline) = taken.iter().map(|asked| asked.deadline).max() else { return };
        let (questions, callers): (Vec<_>, Vec<_>) =
            taken.into_iter().map(|asked| (asked.question, asked.caller)).unzip();
        let replies = self.together.send(&mut lent, &questions, deadline).await;
        drop(lent);
        // Whoever left meanwhile hears nothing.
        match replies {
            Ok(replies) => {
                for (caller, reply) in callers.into_iter().zip(replies) {
                    let _ = caller.send(Ok(reply));
                }
            }
            Err(error) => answer_all(callers, error),
        }
    }

    /// The questions of the next statement; those that do not fit into it are another collector's.
    fn take(self: &Arc<Self>) -> Vec<Asked<T>> {
        let mut waiting = self.waiting();
        waiting.collector = None;
        let mut taken: Vec<Asked<T>> = Vec::with_capacity(waiting.asked.len().min(MOST));
        let mut left = VecDeque::new();
        for asked in std::mem::take(&mut waiting.asked) {
            let fits = taken.len() < MOST
                && taken.first().is_none_or(|first| T::fit(&first.question, &asked.question));
            if asked.is_over() {
                continue;
            }
            if fits {
                taken.push(asked);
            } else {
                left.push_back(asked);
            }
        }
        if !left.is_empty() {
            waiting.asked = left;
            waiting.collector = Some(tokio::spawn(Arc::clone(self).collect()));
        }
        taken
    }

    /// There is no connection for anybody.
    fn refuse(&self, error: Error) {
        let mut waiting = self.waiting();
        waiting.collector = None;
        answer_all(waiting.asked.drain(..).map(|asked| asked.caller), error);
    }

    fn waiting(&self) -> MutexGuard<'_, Waiting<T>> {
        // Nothing that can panic leaves it half changed.
        self.waiting.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn answer_all<A>(
    callers: impl IntoIterator<Item = oneshot::Sender<Result<Reply<A>, StorageError>>>,
    error: Error,
) {
    let error = Arc::new(error);
    for caller in callers {
        let _ = caller.send(Err(shared(&error)));
    }
}
