//! A closed loop: a fixed number of connections, each with one request in flight.
//!
//! One thread drives all of them. The connections form two halves: while this thread works on one half, the server has
//! the other half's requests waiting, so that it is never idle as long as this side is the cheaper one. Of a half the
//! request sent last is awaited first: when it is answered, mostly all are, and the server pays for waking this thread
//! once instead of once per request. (Polling for whichever is ready costs more here and finds nothing else.)

use std::time::{Duration, Instant};

use crate::contestants::gatepost;
use crate::failure::Failure;
use crate::load::connection::{Answer, Connection};

/// How many requests are in flight.
pub(crate) const CONNECTIONS: usize = 32;

/// What is asked, and what is done with the answers.
pub(crate) trait Script {
    /// Appends the next request to `out`; false when there is none left.
    fn request(&mut self, out: &mut Vec<u8>) -> bool;

    /// Takes an answer; a wrong one is a failure.
    fn answer(&mut self, answer: &Answer<'_>) -> Result<(), Failure>;
}

/// What a loop has done.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Done {
    pub(crate) requests: u64,
    pub(crate) wall: Duration,
}

/// Runs the script for `time`, then waits for what is in flight.
pub(crate) fn run_for(
    connections: &mut [Connection],
    script: &mut impl Script,
    time: Duration,
) -> Result<Done, Failure> {
    drive(connections, script, Some(time))
}

/// Runs the script until it has no more requests.
pub(crate) fn run_out(connections: &mut [Connection], script: &mut impl Script) -> Result<Done, Failure> {
    drive(connections, script, None)
}

fn drive(
    connections: &mut [Connection],
    script: &mut impl Script,
    time: Option<Duration>,
) -> Result<Done, Failure> {
    let half = connections.len() / 2;
    let (left, right) = connections.split_at_mut(half);
    let mut halves = [Half { connections: left, in_flight: 0 }, Half { connections: right, in_flight: 0 }];
    let (mut requests, mut out) = (0, Vec::new());
    let start = Instant::now();
    for half in &mut halves {
        half.send(script, &mut out)?;
    }
    while halves.iter().any(|half| half.in_flight > 0) {
        for half in &mut halves {
            requests += half.receive(script)?;
            if time.is_none_or(|time| start.elapsed() < time) {
                half.send(script, &mut out)?;
            }
        }
    }
    Ok(Done { requests, wall: start.elapsed() })
}

struct Half<'load> {
    connections: &'load mut [Connection],
    in_flight: usize,
}

impl Half<'_> {
    fn send(&mut self, script: &mut impl Script, out: &mut Vec<u8>) -> Result<(), Failure> {
        for connection in &mut *self.connections {
            out.clear();
            if !script.request(out) {
                break;
            }
            connection.send(out)?;
            self.in_flight += 1;
        }
        Ok(())
    }

    fn receive(&mut self, script: &mut impl Script) -> Result<u64, Failure> {
        let received = std::mem::take(&mut self.in_flight);
        for connection in self.connections[..received].iter_mut().rev() {
            script.answer(&connection.receive()?)?;
        }
        Ok(received as u64)
    }
}

/// The same request again and again.
#[derive(Debug)]
pub(crate) struct Same<'load>(pub(crate) &'load [u8]);

impl Script for Same<'_> {
    fn request(&mut self, out: &mut Vec<u8>) -> bool {
        out.extend_from_slice(self.0);
        true
    }

    fn answer(&mut self, answer: &Answer<'_>) -> Result<(), Failure> {
        answer.expect(200)
    }
}

/// Prepared requests one after the other, round and round or once; each must be answered with `expected`.
#[derive(Debug)]
pub(crate) struct Prepared<'load> {
    pub(crate) requests: &'load [Vec<u8>],
    pub(crate) at: usize,
    pub(crate) again: bool,
    pub(crate) expected: u16,
}

impl Script for Prepared<'_> {
    fn request(&mut self, out: &mut Vec<u8>) -> bool {
        if self.at == self.requests.len() {
            if !self.again {
                return false;
            }
            self.at = 0;
        }
        out.extend_from_slice(&self.requests[self.at]);
        self.at += 1;
        true
    }

    fn answer(&mut self, answer: &Answer<'_>) -> Result<(), Failure> {
        answer.expect(self.expected)
    }
}

/// Creations: the same request, each time as a call of its own.
#[derive(Debug)]
pub(crate) struct Creations {
    pub(crate) request: Vec<u8>,
    /// How many are sent.
    pub(crate) left: u64,
    /// Where the answers' bodies are kept, when they are wanted.
    pub(crate) bodies: Option<Vec<Vec<u8>>>,
}

impl Script for Creations {
    fn request(&mut self, out: &mut Vec<u8>) -> bool {
        let Some(left) = self.left.checked_sub(1) else { return false };
        self.left = left;
        gatepost::renew(&mut self.request);
        out.extend_from_slice(&self.request);
        true
    }

    fn answer(&mut self, answer: &Answer<'_>) -> Result<(), Failure> {
        if let Some(bodies) = &mut self.bodies {
            bodies.push(answer.body.to_vec());
        }
        answer.expect(201)
    }
}
